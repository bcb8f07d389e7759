"""Nothing of people and places survives the disguise, and no decision notices it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.causes import KINDS as COMMANDS
from application.disguising import Disguise
from application.identities import KEPT, REPLACED
from application.journal import Recorded
from application.plain import to_plain
from application.repeating import repeat
from domain import events
from domain.events import DocumentEvent, FileEvent
from domain.offers import offer_id
from domain.words import Next, Source, Trigger
from tests.log import Log
from tests.secrets import Secrets, life
from tests.story import at, present


def disguised(facts: Sequence[Recorded]) -> list[Recorded]:
    disguise = Disguise(facts)
    return [disguise.put_on(fact) for fact in facts]


def texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            yield from (text for pair in value.items() for part in pair for text in texts(part))
        case list() | tuple():
            yield from (text for part in value for text in texts(part))


def said(facts: Iterable[Recorded]) -> str:
    """All that an export would say, in whatever case."""
    told = [(fact.stream, fact.file, to_plain(fact.event), fact.cause) for fact in facts]
    return "\n".join(texts(told)).casefold()


HASHES = re.compile(r"\b[0-9a-f]{16}\b")  # offers' ids, in which any digits may be


def surviving(secrets: Secrets, known: str = "") -> set[str]:
    """Which are still there; `known` is what every export says."""
    left = HASHES.sub("", said(disguised(life(secrets).facts)))
    folded = {secret.casefold() for secret in secrets.all() if secret.strip()}
    return {secret for secret in folded if secret in left and secret not in known}


def test_no_secret_of_a_rich_life_survives() -> None:
    open_ = said(life(Secrets()).facts)
    assert [secret for secret in Secrets().all() if secret.casefold() not in open_] == []
    assert surviving(Secrets()) == set()


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=3, max_size=30)
LIVES = st.builds(
    Secrets,
    names=st.tuples(NAMES, NAMES),
    subs=st.tuples(NAMES, NAMES),
    titles=st.tuples(NAMES, NAMES).map(lambda names: (f"{names[0]}.docx", f"{names[1]}.ODT")),
    host=st.from_regex(r"[a-z]{3,10}(-[a-z0-9]{1,5})?\.[a-z]{3,12}", fullmatch=True),
    guest=NAMES,
)
EVERY_EXPORT = said(disguised(life(Secrets()).facts))


@given(LIVES)
@settings(max_examples=200, deadline=None)
def test_no_secret_survives_whatever_people_and_files_are_called(secrets: Secrets) -> None:
    assert surviving(secrets, EVERY_EXPORT) == set()


@given(LIVES)
@settings(max_examples=100, deadline=None)
def test_a_disguised_incident_is_decided_as_it_was(secrets: Secrets) -> None:
    facts = life(secrets).facts
    one, other = repeat(facts), repeat(disguised(facts))
    assert (one.difference, other.difference) == (None, None)
    assert (one.decisions, one.folded) == (other.decisions, other.folded)


def test_what_is_decided_differently_is_so_in_disguise_too() -> None:
    facts = life(Secrets()).facts
    kinds = (events.Saved, events.Forcesaved, events.VersionAdded)
    changed = [n for n, fact in enumerate(facts) if isinstance(fact.event, kinds) and fact.position > 2]
    for n in changed:
        event: Any = facts[n].event
        wrong = [*facts[:n], replace(facts[n], event=replace(event, head=not event.head)), *facts[n + 1 :]]
        one, other = repeat(wrong).difference, repeat(disguised(wrong)).difference
        assert one
        assert other
        assert one.fact.position == other.fact.position == facts[n].position


@given(st.sets(st.text(min_size=1), min_size=2, max_size=6))
def test_replaced_users_stand_in_the_same_order(users: set[str]) -> None:
    log = Log()
    log.open()
    log.tell("k", present("ada", *sorted(users - {"ada"}), seconds=9))
    facts = disguised(log.facts)
    joined = [fact.event.user for fact in facts if isinstance(fact.event, events.Joined)][1:]
    assert joined == sorted(joined)
    assert len(set(joined)) == len(users - {"ada"})
    assert repeat(facts).difference is None


def test_an_offer_is_known_by_its_new_url_wherever_it_is_named() -> None:
    facts = disguised(life(Secrets()).facts)
    offered = {}
    for fact in facts:
        if isinstance(fact.event, events.SaveOffered):
            offered[fact.event.offer] = offer_id(fact.event.status, fact.event.url)
    assert offered == {offer: offer for offer in offered}
    named = {offer for fact in facts if (offer := getattr(fact.event, "offer", None))}
    failed = [fact.event for fact in facts if isinstance(fact.event, events.Errored)]
    assert named - offered.keys() == {fact.offer for fact in failed if fact.source is Source.SERVER}


def test_times_sizes_and_words_stay_and_so_does_a_files_type() -> None:
    facts = life(Secrets()).facts
    for one, other in zip(facts, disguised(facts), strict=True):
        assert (one.position, one.number, type(one.event)) == (
            other.position,
            other.number,
            type(other.event),
        )
        before, after = to_plain(one.event), to_plain(other.event)
        assert {name: value for name, value in before.items() if name in KEPT} == {
            name: value for name, value in after.items() if name in KEPT
        }
    assert [fact.event.name for fact in disguised(facts) if isinstance(fact.event, events.Opened)] == [
        "title-2.docx",
        "title-2.docx",
    ]


def test_what_the_domain_says_itself_is_kept_though_somebody_is_called_like_a_word_of_it() -> None:
    log = life(Secrets(names=("Document Server", "everybody")))
    facts = disguised(log.facts)
    details = [fact.event.detail for fact in facts if isinstance(fact.event, events.Errored)]
    assert any("The Document Server could not assemble" in detail for detail in details)
    assert repeat(facts).difference is None


def test_a_detail_that_no_decision_gave_is_scrubbed() -> None:
    log = life(Secrets())
    errored = events.Errored(
        at=at(900), source=Source.STORAGE, detail="Zaphod's disk is full", attempt=1, next=Next.GO_ON
    )
    log._write(f"document/{Secrets().keys[0]}", [errored], None)
    last = disguised(log.facts)[-1].event
    assert isinstance(last, events.Errored)
    assert last.detail == "[…]'s disk is full"


def test_a_type_that_no_editor_knows_may_be_a_name_too() -> None:
    log = life(Secrets())
    for number, filetype in ((6, "zaphod"), (7, "odt"), (8, "zaphod")):
        upload = events.VersionAdded(
            at=at(900),
            number=number,
            sha256=str(number),
            size=1,
            trigger=Trigger.UPLOAD,
            filetype=filetype,
            head=True,
        )
        log.shelve(upload)
    uploads: list[Any] = [fact.event for fact in disguised(log.facts)[-3:]]
    assert [upload.filetype for upload in uploads] == ["filetype-1", "odt", "filetype-1"]


def test_a_share_with_everybody_names_nobody() -> None:
    shares = [
        fact.event for fact in disguised(life(Secrets()).facts) if isinstance(fact.event, events.Shared)
    ]
    assert {(share.user, share.name) for share in shares} >= {("*", "everybody")}


def test_a_redaction_of_everybody_stays_one() -> None:
    log = life(Secrets())
    log.shelve(events.Redacted(at=at(900), user="*", by="eve", left={"3": "a digest"}))
    (erased,) = [fact.event for fact in disguised(log.facts) if isinstance(fact.event, events.Redacted)]
    assert (erased.user, erased.by.startswith("user-"), dict(erased.left)) == ("*", True, {"3": ""})


def test_what_was_taken_out_already_says_nothing_more() -> None:
    log = life(Secrets())
    user = Secrets().users[0]
    log.shelve(events.Redacted(at=at(900), user=user, by=user, left={"3": "a digest of what is left"}))
    (erased,) = [fact.event for fact in disguised(log.facts) if isinstance(fact.event, events.Redacted)]
    assert dict(erased.left) == {"3": ""}


KINDS = (*get_args(DocumentEvent), *get_args(FileEvent), *COMMANDS.values())


@pytest.mark.parametrize("kind", dict.fromkeys(KINDS))
def test_it_is_known_of_every_field_whether_it_tells_of_somebody(kind: type) -> None:
    names = {field.name for field in fields(kind)}
    assert names <= KEPT | REPLACED.keys()
    assert not KEPT & REPLACED.keys()
