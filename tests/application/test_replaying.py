"""The past up to a moment, and that nothing of the state is kept from whoever looks for a fault."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields, replace

import pytest

from application.describing import described_document, described_file
from application.journal import Recorded
from application.replaying import Moment, NoSuchMoment, document_state, file_state, until
from domain import document as documents
from domain import events
from domain.document import Document
from domain.events import DocumentEvent
from domain.file import File
from domain.words import Next, Source
from tests.story import admitted, at, closed, forcesaved, joined, left, offered, opened, saved

LIFE: tuple[DocumentEvent, ...] = (
    opened(),
    admitted(),
    joined(),
    admitted("bob", 5),
    joined("bob", 6),
    offered(1, 6, 30),
    forcesaved(1, 2, 31),
    offered(2, 2, 60),
    saved(2, 3, 61),
    left("ada", 62),
    closed(seconds=63),
)


def recorded(*facts: DocumentEvent) -> Sequence[Recorded]:
    return [Recorded(10 * n, "document/k", n, fact) for n, fact in enumerate(facts, start=1)]


def test_a_time_takes_what_was_known_by_then() -> None:
    assert until(recorded(*LIFE), Moment(at=at(30)))[-1].number == 6
    assert until(recorded(*LIFE), Moment(at=at(-1))) == []


def test_a_fact_recorded_late_is_not_known_before_what_was_recorded_earlier() -> None:
    late = (*LIFE[:5], offered(1, 6, 3))
    assert until(recorded(*late), Moment(at=at(5)))[-1].number == 4


def test_a_version_is_there_with_the_fact_that_stored_it_first() -> None:
    again = replace(forcesaved(3, 2, 70), version=2)
    assert until(recorded(*LIFE, again), Moment(version=2))[-1].number == 7


@pytest.mark.parametrize(
    ("moment", "said"),
    [(Moment(after=12), "from 1 to 11"), (Moment(after=-1), "-1"), (Moment(version=9), "It stored 2, 3.")],
)
def test_a_moment_that_never_was_says_which_there_are(moment: Moment, said: str) -> None:
    with pytest.raises(NoSuchMoment, match=said):
        until(recorded(*LIFE), moment)


def test_the_state_is_that_of_the_facts_so_far() -> None:
    for number in range(1, len(LIFE) + 1):
        told = document_state("k", until(recorded(*LIFE), Moment(after=number)))
        document = documents.replay(LIFE[:number])
        assert document is not None
        assert (told["number"], told["position"], told["open"]) == (number, 10 * number, document.state)
        assert told["state"] == described_document(document)


def test_where_people_were_can_be_left_out() -> None:
    told = document_state("k", recorded(*LIFE[:5]), addresses=False)
    assert [each["address"] for each in told["state"]["let_in"]] == [None, None]


SHOWN_AS = {
    "opened_at": "opened",
    "users": "editing",
    "admissions": "let_in",
    "names": "known_names",
    "admitted_at": "last_let_in_to_edit",
    "joined_at": "last_joined",
    "saved_at": "last_saved",
    "touched": "edited_since_final",
    "kept_there": "kept_at_server",
    "offers": "waiting",
}


def test_nothing_of_a_document_is_left_out() -> None:
    document = documents.replay(LIFE)
    assert document is not None
    shown = {SHOWN_AS.get(field.name, field.name) for field in fields(Document)}
    assert shown | {"finishing"} == set(described_document(document))


def test_nothing_of_a_file_is_left_out() -> None:
    shown = {field.name for field in fields(File)} - {"owner_name", "changed_at"} | {"changed"}
    assert shown == set(described_file(File("Plan.docx", "ada", "Ada")))


def test_the_state_is_plain_and_always_in_the_same_order() -> None:
    errored = events.Errored(
        at=at(8), source=Source.DOWNLOAD, detail="cut", attempt=1, next=Next.RETRY, offer=None
    )
    one = document_state("k", recorded(*LIFE[:6], errored))
    people = document_state("k", recorded(LIFE[0], LIFE[3], LIFE[4], LIFE[1], LIFE[2], LIFE[5], errored))
    assert json.loads(json.dumps(one)) == one
    assert list(one["state"]["known_names"]) == ["ada", "bob"] == list(people["state"]["known_names"])
    assert one["state"]["trouble"]["detail"] == "cut"
    assert [offer["status"] for offer in one["state"]["waiting"]] == [6]


def test_a_file_too_has_a_state_at_any_moment() -> None:
    added = events.Added(at=at(), name="a.docx", owner="ada", owner_name="Ada")
    facts = (added, *(events.Renamed(at=at(n), name=f"{n}.docx", by="ada") for n in (1, 2)))
    stream = [Recorded(n, "file/f", n, fact) for n, fact in enumerate(facts, start=1)]
    told = file_state("f", until(stream, Moment(after=2)))
    assert (told["file"], told["number"], told["state"]["name"]) == ("f", 2, "1.docx")
