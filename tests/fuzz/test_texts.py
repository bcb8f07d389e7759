"""Whatever people are called and servers say is kept as it is, in either database, and found again."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest
import trio
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from application.changes import DocumentChange, FileChange, ReadingChange
from application.journal import Query
from domain import document as documents
from domain import events
from domain import file as files
from domain.file import EVERYBODY
from domain.words import Access, Next, Source
from infrastructure.evidence import verify
from infrastructure.journal import LedgerJournal
from infrastructure.journal.past import Past
from tests.databases import Place
from tests.engines.fixtures import MakePlace
from tests.fuzz.amount import thorough
from tests.story import admitted, at, offered, opened

NASTY = [
    "\0",
    "a\0b",
    "\ufffd",
    "%s ?%%",
    "'; DROP TABLE people --",
    "\\x00",
    "\u202e",
    "é",
    "é",
    "🙂" * 9,
    "\x1f",
]
texts = (st.text(st.characters(codec="utf-8"), max_size=40) | st.sampled_from(NASTY)).filter(
    lambda text: text != EVERYBODY  # an id that nobody has: a user's is a hash
)


@pytest.fixture(scope="module")
def log(make_place: MakePlace) -> Place:
    return make_place("texts")


def kept(text: str, place: Place) -> str:
    """In a table's column: PostgreSQL has no NUL."""
    return text.replace("\0", "\ufffd") if isinstance(place, str) else text


def a_file(id_: str, text: str) -> FileChange:
    facts: list[events.FileEvent] = [
        events.Added(at=at(), name=text, owner=text, owner_name=text),
        events.Shared(at=at(), user=f"{text}!", name=text, access=Access.EDIT, by=text),
    ]
    state = files.replay(facts)
    assert state
    return FileChange(id_, 0, facts, state)


def a_session(key: str, file: str, text: str) -> DocumentChange:
    error = events.Errored(at=at(2), source=Source.SERVER, detail=text, attempt=1, next=Next.GO_ON)
    facts: list[events.DocumentEvent] = [
        replace(opened(), file=file, name=text, owner=text),
        replace(admitted(), user=text, name=text, address=text),
        replace(offered(), users=(text,), filetype=text, history={text: [text]}),
        error,
    ]
    state = documents.replay(facts)
    assert state
    return DocumentChange(key, 0, facts, state)


async def write_and_read(place: Place, text: str) -> None:
    id_ = uuid4().hex
    file, session = a_file(id_, text), a_session(f"key-{id_}", id_, text)
    looked = events.Consulted(at=at(), user=text, name=text, address=text, what=text, filters=text)
    async with LedgerJournal.open(place) as journal:
        await journal.append(file, session)
        await journal.append(ReadingChange(id_, 0, [looked]))
        assert [fact.event for fact in await journal.file_history(id_)] == file.events
        assert [fact.event for fact in await journal.document_history(f"key-{id_}")] == session.events
        row = await journal.file(id_)
        assert row
        assert (row.file.name, row.file.owner_name) == (kept(text, place), kept(text, place))
        assert row.file.shares == file.state.shares
        document = await journal.document(f"key-{id_}")
        assert document
        found = await journal.facts(Query(users=[text], file=id_), after=0)
        named = {type(fact.event).__name__ for fact in found}
        assert named == {"Added", "SaveOffered"} | ({"Admitted", "Shared"} if text else set())
        if text:
            assert await journal.names([text]) == {kept(text, place): kept(text, place)}
            assert kept(text, place) in await journal.users_named(text)
    with Past.open(place) as past:
        past.near(text)
        assert past.subject(text) is None
    assert verify(place, []).findings == []


@settings(parent=thorough(25, share=0.2), suppress_health_check=[*HealthCheck])
@given(text=texts)
@example(text="\0")
@example(text="a\0b")
@example(text="%s ?%%")
@example(text="")
def test_any_text_can_be_anywhere(log: Place, text: str) -> None:
    trio.run(write_and_read, log, text)


@pytest.mark.parametrize("text", ["\ud83d", "half \udc00 a pair"])
def test_what_is_no_text_is_refused_before_anything_is_recorded(log: Place, text: str) -> None:
    """It comes in nowhere: names, bodies, tokens and callbacks are rid of it before."""

    async def refuse() -> None:
        async with LedgerJournal.open(log) as journal:
            before = await journal.position()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(journal.append, a_file(f"{uuid4().hex}", "a neighbour"))
                with pytest.raises(ValueError, match="surrogates"):
                    await journal.append(a_file("f", text))
            assert await journal.position() == before + 2

    trio.run(refuse)
