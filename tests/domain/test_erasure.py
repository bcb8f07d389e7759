"""What is a person's own goes; every fact, every state and every decision stays what it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from application.causes import abridged, restored
from application.plain import from_plain, to_plain
from application.telling import told
from domain import commands, document, events
from domain import file as files
from domain.commands import Command
from domain.deciding import decide
from domain.erasure import without_addresses, without_names, without_person
from domain.events import DocumentEvent, Event, FileEvent
from domain.file import EVERYBODY
from domain.saving import commit, take_stored
from domain.words import Access, Mode, Next, Source
from tests.story import admit, at, present, take, unchanged

KINDS: dict[str, Any] = {kind.__name__: kind for kind in get_args(Event)}
NAMES = {"ada": "Ada Lovelace", "bob": "Bob Marley"}
ADDRESSES = ("203.0.113.7", "198.51.100.9")
HISTORY = {
    "serverVersion": "9.3",
    "changes": [
        {"created": "2026-11-23 12:00:00", "user": {"id": id_, "name": name}} for id_, name in NAMES.items()
    ],
}


@dataclass
class Entry:
    """A fact as it is stored."""

    topic: str
    state: Any
    cause: Any = None
    file_facts: int = 0  # that there were when it was decided

    @property
    def fact(self) -> Any:
        return from_plain(KINDS[self.topic], self.state)


def stored(facts: Sequence[Event], cause: Command | None = None, file_facts: int = 0) -> list[Entry]:
    """As JSON keeps them."""
    causes = [abridged(cause, facts) if cause else None, *[None] * len(facts)]
    return [
        Entry(
            type(fact).__name__,
            json.loads(json.dumps(to_plain(fact))),
            json.loads(json.dumps(why)),
            file_facts,
        )
        for fact, why in zip(facts, causes, strict=False)
    ]


@dataclass
class Log:
    document: list[Entry] = field(default_factory=list)
    file: list[Entry] = field(default_factory=list)

    @property
    def document_state(self) -> document.Document | None:
        return document.replay(entry.fact for entry in self.document)

    def file_state(self, facts: int | None = None) -> files.File:
        file = files.replay(entry.fact for entry in self.file[:facts])
        assert file is not None
        return file

    def tell(self, command: Command) -> None:
        of_document, of_file = decided(self.document_state, self.file_state(), command)
        self.document += stored(of_document, command, len(self.file))
        self.file += stored(of_file)

    def erase(self, user: str, clean: Callable[[Any], Any]) -> None:
        """As the eraser does it; the fact that says so stands in both streams."""
        redacted = events.Redacted(at=at(), user=user, by="operator", left={})
        for stream in (self.document, self.file):
            changed = False
            for entry in stream:
                before = (entry.state, entry.cause)
                entry.state, entry.cause = clean(entry.state), entry.cause and clean(entry.cause)
                changed |= before != (entry.state, entry.cause)
            if changed:
                stream.extend(stored([redacted]))

    def decisions(self) -> Iterator[tuple[int, list[Entry]]]:
        """Each with the number of facts that were there before it."""
        starts = [i for i, entry in enumerate(self.document) if entry.cause]
        for start, end in zip(starts, [*starts[1:], len(self.document)], strict=True):
            facts = [entry for entry in self.document[start:end] if entry.topic != "Redacted"]
            yield start, facts


def decided(
    state: document.Document | None, file: files.File, command: Command
) -> tuple[Sequence[DocumentEvent], Sequence[FileEvent]]:
    match command:
        case commands.CommitOffer() if state:
            result = commit("key", state, file, command)
        case commands.TakeStored() if state:
            result = take_stored("key", state, file, command)
        case _:
            return decide(state, command), ()
    return result.document, result.file


USERS = st.sampled_from(["ada", "bob"])
OFFERS = st.integers(1, 3)
MOMENTS = st.integers(0, 2000)


def let_in(user: str, seconds: float, mode: Mode, address: str, head: int) -> commands.Admit:
    return replace(admit(user, seconds, head, mode), name=NAMES[user], address=address)


def offering(n: int, status: int, seconds: float) -> commands.TakeOffer:
    return replace(take(n, status, seconds, live="another key"), history=HISTORY)


def fetched(n: int, status: int, seconds: float) -> commands.CommitOffer:
    return commands.CommitOffer(at=at(seconds), offer=take(n, status).offer, sha256=f"{n} {status}", size=1)


def in_one(n: int, status: int, seconds: float) -> commands.TakeStored:
    return commands.TakeStored(
        at=at(seconds), offer=offering(n, status, seconds), sha256=f"{n} {status}", size=1
    )


def failed(n: int, status: int, seconds: float, next_: Next) -> commands.NoteFailure:
    return commands.NoteFailure(
        at=at(seconds),
        source=Source.VERIFICATION,
        detail=f"{NAMES['ada']} is no docx",
        attempt=1,
        next=next_,
        offer=take(n, status).offer,
    )


STATUSES = st.sampled_from([2, 3, 6])
COMMANDS = st.one_of(
    st.builds(let_in, USERS, MOMENTS, st.sampled_from(Mode), st.sampled_from(ADDRESSES), st.integers(1, 5)),
    st.builds(lambda users, s: present(*sorted(users), seconds=s), st.sets(USERS), MOMENTS),
    st.builds(offering, OFFERS, STATUSES, MOMENTS),
    st.builds(fetched, OFFERS, STATUSES, MOMENTS),
    st.builds(in_one, OFFERS, STATUSES, MOMENTS),
    st.builds(failed, OFFERS, STATUSES, MOMENTS, st.sampled_from([Next.RETRY, Next.GIVE_UP])),
    st.builds(unchanged, MOMENTS),
)
ADA = partial(without_person, user="ada")
ADAS_NAME = partial(without_names, names=[NAMES["ada"]])
ERASURES = st.sampled_from(
    [
        ("ada", ADA),
        ("ada", ADAS_NAME),
        ("bob", partial(without_person, user="bob")),
        (EVERYBODY, without_addresses),
    ]
)


def lived(doings: Sequence[Any]) -> Log:
    """A file that Ada has added and shared, and one session of it, with erasures in between."""
    log = Log(
        file=stored(
            [
                events.Added(at=at(), name="a.docx", owner="ada", owner_name=NAMES["ada"]),
                events.Shared(at=at(), user="bob", name=NAMES["bob"], access=Access.EDIT, by="ada"),
            ]
        )
    )
    first = let_in("ada", 0, Mode.EDIT, ADDRESSES[0], 1)
    log.tell(commands.Open(file="f", name="a.docx", filetype="docx", owner="ada", first=first))
    for doing in doings:
        if isinstance(doing, tuple):
            log.erase(*doing)
        else:
            log.tell(doing)
    return log


LIVES = st.lists(st.one_of(COMMANDS, COMMANDS, COMMANDS, ERASURES), max_size=25).map(lived)
EXAMPLES = settings(max_examples=200, deadline=None)


@given(LIVES)
@EXAMPLES
def test_no_trace_of_the_person_is_left_and_the_others_are_untouched(log: Log) -> None:
    bob = without_everything_of("ada", log)
    log.erase("ada", ADAS_NAME)
    log.erase("ada", ADA)
    text = json.dumps([(entry.state, entry.cause) for entry in (*log.document, *log.file)])
    assert "Lovelace" not in text
    for entry in (*log.document, *log.file):
        for plain in (entry.state, entry.cause or {}, (entry.cause or {}).get("first", {})):
            assert plain.get("user") != "ada" or not plain.get("address")
    assert without_everything_of("ada", log) == bob


def without_everything_of(user: str, log: Log) -> list[Any]:
    """The facts and causes that do not mention this id, or name."""
    texts = [json.dumps([e.topic, e.state, e.cause]) for e in (*log.document, *log.file)]
    return [
        text
        for text in texts
        if f'"{user}"' not in text and NAMES[user] not in text and "somebody" not in text
    ]


@given(LIVES, ERASURES)
@EXAMPLES
def test_what_was_taken_out_twice_was_taken_out_once(log: Log, erasure: Any) -> None:
    log.erase(*erasure)
    once = (list(log.document), list(log.file))
    log.erase(*erasure)
    assert (log.document, log.file) == once, "not even another fact says so"


@given(LIVES, st.sampled_from(["ada", "bob", EVERYBODY]))
@EXAMPLES
def test_the_facts_without_the_person_replay_to_the_state_without_the_person(log: Log, user: str) -> None:
    redacted = events.Redacted(at=at(), user=user, by="operator", left={})
    was, was_file = log.document_state, log.file_state()
    log.erase(user, without_addresses if user == EVERYBODY else partial(without_person, user=user))
    if log.document[-1].topic == "Redacted":
        assert log.document_state == document.evolve(was, redacted)
    if log.file[-1].topic == "Redacted":
        assert log.file_state() == files.evolve(was_file, redacted)


@given(LIVES, ERASURES)
@EXAMPLES
def test_every_decision_made_again_without_the_person_says_the_same(log: Log, erasure: Any) -> None:
    log.erase(*erasure)
    for before, entries in log.decisions():
        facts = [entry.fact for entry in entries]
        state = document.replay(entry.fact for entry in log.document[:before])
        command = restored(entries[0].cause, facts)
        again, _ = decided(state, log.file_state(entries[0].file_facts), command)
        assert list(again) == facts


def test_every_field_of_a_fact_is_known_to_be_somebodys_own_or_not() -> None:
    """Whoever adds a field decides here whether the eraser has to know of it."""
    own = {"name", "owner_name", "address", "history", "detail", "filters"}
    nobodys = {
        *(
            "at",
            "file",
            "filetype",
            "owner",
            "base",
            "user",
            "mode",
            "offer",
            "url",
            "status",
            "trigger",
            "users",
        ),
        *(
            "changes_url",
            "lastsave",
            "notmodified",
            "keep",
            "version",
            "sha256",
            "size",
            "lag",
            "head",
            "reason",
        ),
        *("standing", "source", "attempt", "next", "http", "error", "seconds", "number", "key", "origin"),
        *("restored", "changes_sha256", "numbers", "by", "access", "left", "what"),
        *("forms_data_url", "forms_sha256", "original", "original_sha256"),
        *("converted_from", "from_file", "from_version"),
    }
    known = {each.name for kind in KINDS.values() for each in fields(kind)}
    assert known == own | nobodys
    named = {kind.__name__ for kind in KINDS.values() if "name" in {each.name for each in fields(kind)}}
    of_people = {"Admitted", "Shared", "Consulted"}
    of_files = {"Opened", "Added", "Renamed"}
    assert named == of_people | of_files
    for kind in of_people:
        assert without_person({"user": "ada", "name": "Ada"}, "ada")["name"] == "", kind


def test_files_keep_their_names_and_namesakes_theirs() -> None:
    renamed = {"name": "Ada Lovelace.docx", "by": "ada"}
    assert without_person(renamed, "ada") == renamed
    assert without_names(renamed, ["Ada Lovelace"]) == renamed
    history = {"changes": [{"user": {"id": "ada2", "name": "Ada"}}, {"user": {"id": "ada", "name": "Ada"}}]}
    assert without_person(history, "ada")["changes"] == [
        {"user": {"id": "ada2", "name": "Ada"}},
        {"user": {"id": "ada", "name": ""}},
    ]


def test_everybody_is_nobody_whose_name_could_be_taken_out() -> None:
    shared = {"user": EVERYBODY, "name": "everybody", "by": "ada"}
    assert without_person(shared, EVERYBODY) == shared


def test_it_is_told_whose_data_were_taken_out() -> None:
    redacted = events.Redacted(at=at(), user="ada", by="operator", left={"2": "", "5": ""})
    assert told(redacted, {}) == "Somebody’s personal data were taken out of 2 events."
    assert told(replace(redacted, user=EVERYBODY), {}).startswith("Everybody’s personal data")
    nameless = events.Admitted(at=at(), user="ada", name="", mode=Mode.EDIT, address="")
    assert told(nameless, {}) == "Somebody was let in to edit."


def test_names_in_free_text_go_as_whole_words_in_any_spelling_of_a_url() -> None:
    named = {
        "detail": "“Ada Lovelace” cannot be let in; Ada Lovelaces can",
        "filters": "user=Ada+Lovelace&file=f",
    }
    assert without_names(named, ["Ada", "Ada Lovelace"]) == {
        "detail": "“somebody” cannot be let in; somebody Lovelaces can",
        "filters": "user=somebody&file=f",
    }
    assert without_names({"filters": "user=Ada%20Lovelace"}, ["Ada Lovelace"]) == {"filters": "user=somebody"}


def test_what_we_say_ourselves_is_about_nobody_even_if_somebody_is_called_so() -> None:
    ours = {"source": "server", "detail": "The Document Server could not assemble the document."}
    assert without_names(ours, ["Server", "The"]) == ours


def test_fields_that_only_a_newer_release_knows_survive() -> None:
    newer = {"user": "ada", "name": "Ada", "mood": {"fine": [1, None]}}
    assert without_person(newer, "ada") == {**newer, "name": ""}
