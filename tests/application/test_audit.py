"""Who may read what of the log, in what words, and page by page as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import cycle

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from application.audit import CHUNK, Audit, Entry, Reader, View
from application.changes import DocumentChange, FileChange, ReadingChange
from application.files import Forbidden, NotFound
from application.journal import Query
from application.people import AUDITOR, Person
from domain import document as documents
from domain import events
from domain import file as files
from domain.keys import user_id
from domain.words import Access, Trigger
from tests.fake_journal import FakeJournal
from tests.story import NOON, admitted, at, forcesaved, joined, offered, opened

ADA, BOB, CYD = Person("ada", "Ada"), Person("bob", "Bob"), Person("cyd", "Cyd")
EVE = Person("eve", "Eve", AUDITOR)
ADDED = events.Added(at=at(), name="a.docx", owner="ada", owner_name="Ada")
FIRST = events.VersionAdded(
    at=at(1), number=1, sha256="a" * 64, size=7, trigger=Trigger.UPLOAD, filetype="docx", head=True
)
SECOND = replace(FIRST, at=at(31), number=2, trigger=Trigger.COMMAND, key="k", users=("ada",))
SHARED = events.Shared(at=at(2), user="bob", name="Bob", access=Access.VIEW, by="ada")
SESSION = (opened(), admitted(), joined(), offered(), forcesaved())


def by(person: Person) -> Reader:
    return Reader(person, "::1")


@pytest.fixture
async def journal() -> FakeJournal:
    """A file of Ada's that Bob may look at, and its session."""
    journal = FakeJournal()
    await record_file(journal, "f", ADDED, FIRST, SHARED)
    state = documents.replay(SESSION)
    assert state is not None
    await journal.append(DocumentChange("k", 0, SESSION, state))
    await record_file(journal, "f", SECOND)
    return journal


async def record_file(journal: FakeJournal, id_: str, *facts: events.FileEvent) -> None:
    row = await journal.file(id_)
    state = files.replay(facts, row.file if row else None)
    assert state is not None
    await journal.append(FileChange(id_, row.version if row else 0, facts, state))


@pytest.fixture
def audit(journal: FakeJournal) -> Audit:
    return Audit(journal, lambda: NOON + timedelta(seconds=trio.current_time()))


async def read(audit: Audit, view: View, query: Query | None = None, **page: int) -> Sequence[Entry]:
    return (await audit.page(view, query or Query(), **page)).entries


def types(entries: Sequence[Entry]) -> list[str]:
    return [type(entry.recorded.event).__name__ for entry in entries]


async def test_an_auditor_sees_the_whole_log_and_nobody_else_does(audit: Audit) -> None:
    entries = await read(audit, await audit.everything(by(EVE)), after=0)
    assert [entry.recorded.position for entry in entries] == list(range(1, 11))
    for person in (ADA, BOB, CYD):
        with pytest.raises(Forbidden):
            await audit.everything(by(person))


@pytest.mark.parametrize("person", [ADA, BOB, EVE])
async def test_a_file_and_its_sessions_are_seen_by_whoever_may_see_the_file(
    audit: Audit, person: Person
) -> None:
    of_file = await read(audit, await audit.file("f", by(person)), after=0)
    assert types(of_file)[:9] == [
        *("Added", "VersionAdded", "Shared"),
        *("Opened", "Admitted", "Joined", "SaveOffered", "Forcesaved", "VersionAdded"),
    ]
    of_session = await read(audit, await audit.document("k", by(person)), after=0)
    assert [entry.recorded.event for entry in of_session][2:] == list(SESSION)[2:]
    assert {entry.key for entry in of_session} == {"k"}


async def test_a_stranger_sees_nothing(audit: Audit) -> None:
    for ask in (audit.file("f", by(CYD)), audit.document("k", by(CYD))):
        with pytest.raises(Forbidden):
            await ask
    for ask in (audit.file("g", by(EVE)), audit.document("l", by(EVE))):
        with pytest.raises(NotFound):
            await ask


async def test_a_removed_file_is_there_for_its_owner_and_for_auditors(
    audit: Audit, journal: FakeJournal
) -> None:
    await record_file(journal, "f", events.Removed(at=at(40), by="ada"))
    for person in (ADA, EVE):
        (last,) = await read(audit, await audit.file("f", by(person)), Query(types=["Removed"]))
        assert last.text == "Ada deleted it."
        assert await read(audit, await audit.document("k", by(person)))
    for ask in (audit.file("f", by(BOB)), audit.document("k", by(BOB))):
        with pytest.raises(NotFound):
            await ask


@pytest.mark.parametrize(("person", "address"), [(ADA, "::1"), (EVE, "::1"), (BOB, "")])
async def test_where_people_were_is_told_to_the_owner_and_to_auditors(
    audit: Audit, person: Person, address: str
) -> None:
    for view in (await audit.file("f", by(person)), await audit.document("k", by(person))):
        (let_in,) = await read(audit, view, Query(types=["Admitted"]))
        assert isinstance(let_in.recorded.event, events.Admitted)
        assert let_in.recorded.event.address == address
        assert ("::1" in let_in.text) is bool(address)


async def test_who_has_read_a_files_history_is_told_to_the_owner_and_to_auditors(audit: Audit) -> None:
    await read(audit, await audit.file("f", by(BOB)))
    for person in (ADA, EVE):
        entries = await read(
            audit, await audit.file("f", by(person)), Query(users=["bob"], types=["Consulted"])
        )
        assert [entry.text for entry in entries] == ["Bob read the file’s history, from ::1."]
    view = await audit.file("f", by(BOB))
    assert "Consulted" not in types(await read(audit, view))
    assert not await read(audit, view, Query(types=["Consulted"]))


async def test_an_entry_says_what_whom_and_where(audit: Audit, journal: FakeJournal) -> None:
    await journal.append(ReadingChange("ada", 0, [_consulted("ada", "Augusta")]))
    view = await audit.everything(by(EVE))
    wanted = [Query(types=[kind]) for kind in ("Shared", "Opened", "Joined")]
    shared, opened_, joined_ = [(await read(audit, view, query))[0] for query in wanted]
    assert shared.users == {"ada": "Augusta", "bob": "Bob"}
    assert shared.text == "Augusta shared it with Bob, to view."
    assert opened_.users == {}
    assert (joined_.users, joined_.key) == ({"ada": "Augusta"}, "k")
    assert {entry.file.file.name for entry in (shared, opened_, joined_) if entry.file} == {"a.docx"}


def _consulted(user: str, name: str) -> events.Consulted:
    return events.Consulted(at=at(50), user=user, name=name, address="", what="something")


async def test_a_version_is_named_only_while_it_can_be_had(audit: Audit, journal: FakeJournal) -> None:
    view = await audit.file("f", by(ADA))
    query = Query(types=["VersionAdded", "Forcesaved"])
    assert [entry.version for entry in await read(audit, view, query, after=0)] == [1, 2, 2]
    await record_file(journal, "f", events.Thinned(at=at(60), numbers=(2,)))
    assert [entry.version for entry in await read(audit, view, query, after=0)] == [1, None, None]


async def test_people_are_found_by_our_id_their_own_and_their_name(
    audit: Audit, journal: FakeJournal
) -> None:
    ids = [user_id("x"), user_id("y")]
    for id_ in ids:
        await journal.append(ReadingChange(id_, 0, [_consulted(id_, "Robin")]))
    assert await audit.known_as("ada") == ["ada"]
    assert await audit.known_as("x") == [ids[0]]
    assert await audit.known_as("Robin") == sorted(ids)
    assert "nobody" in await audit.known_as("nobody")
    for user, count in (("x", 1), ("Robin", 2), ("nobody", 0)):
        query = Query(users=await audit.known_as(user))
        assert len(await read(audit, await audit.everything(by(EVE)), query)) == count


async def test_an_export_ends_where_the_log_ended_when_it_began(audit: Audit, journal: FakeJournal) -> None:
    await journal.append(ReadingChange("x", 0, [_consulted("x", "X")] * 2 * CHUNK))
    exported: list[Entry] = []
    async for chunk in await audit.export(await audit.everything(by(EVE)), Query(), "csv"):
        assert len(chunk) <= CHUNK
        exported += chunk
        await record_file(journal, f"n{len(exported)}", ADDED, FIRST)
    assert [entry.recorded.position for entry in exported] == list(range(1, 2 * CHUNK + 11))
    assert exported[-1].text == "Eve read the whole log, as csv, from ::1.", "the export itself"


@settings(max_examples=60, deadline=None)
@given(
    limits=st.lists(st.integers(1, 4), min_size=1, max_size=40),
    appended=st.lists(st.integers(0, 3), max_size=40),
    newest_first=st.booleans(),
    kinds=st.sets(st.sampled_from(["Consulted", "Added", "Joined", "VersionAdded"])),
)
def test_pages_put_together_are_the_whole_whatever_is_recorded_meanwhile(
    limits: list[int], appended: list[int], newest_first: bool, kinds: set[str]
) -> None:
    async def scenario() -> None:
        journal = FakeJournal()
        for number in range(6):
            await record_file(journal, f"f{number}", ADDED, FIRST)
            await journal.append(ReadingChange(f"r{number}", 0, [_consulted(f"r{number}", "R")]))
        audit = Audit(journal, lambda: NOON)
        view, query = await audit.everything(by(EVE)), Query(types=sorted(kinds))
        await audit.consult(view, query)
        before = await journal.position()
        whole = [entry.recorded for entry in await read(audit, view, query, after=0, limit=500)]
        cursor: int | None = None if newest_first else 0
        got, steps, news = [], cycle(limits), iter(appended)
        while True:
            place = {} if cursor is None else {"before": cursor} if newest_first else {"after": cursor}
            page = await audit.page(view, query, **place, limit=next(steps))
            got += [entry.recorded for entry in page.entries]
            if page.next is None:
                break
            cursor = page.next
            for _ in range(next(news, 0)):
                await record_file(journal, f"n{await journal.position()}", ADDED, FIRST)
        old = [fact for fact in got if fact.position <= before]
        assert old == (whole[::-1] if newest_first else whole)
        assert [fact.position for fact in got] == sorted(
            {fact.position for fact in got}, reverse=newest_first
        )

    trio.run(scenario, clock=MockClock(autojump_threshold=0))
