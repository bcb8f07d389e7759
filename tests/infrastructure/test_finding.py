"""Whatever is asked of a log, its indexes find it, the shortest way, also when clocks were set back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trio
from hypothesis import example, given, settings
from hypothesis import strategies as st

from application.changes import Change, DocumentChange, FileChange, ReadingChange
from application.journal import Query
from domain import document as documents
from domain import events
from domain import file as files
from domain.words import Access, Mode
from infrastructure.journal.databases import ledger_at
from infrastructure.journal.finding import MOST, Search
from infrastructure.journal.ledger import Ledger
from infrastructure.journal.sqlite.chaining import chain
from infrastructure.journal.sqlite.ledger import SqliteLedger
from tests.engines.fixtures import MakePlace
from tests.engines.postgres import Postgres
from tests.fake_journal import FakeJournal
from tests.story import NOON

FILES, KEYS = ["f0", "f1", "f2"], ["k0", "k1", "k2"]
USERS = ["ada", "bob", "cyd", "dot", *(f"u{number}" for number in range(2 * MOST))]
CHANGES = 900
WRONG = [datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)]  # what clocks say at times


def a_log(chance: Random, changes: int = CHANGES) -> Iterator[Change]:
    """Some thousands of facts of every sort of stream, over three spans of positions."""
    read = dict.fromkeys(USERS, 0)
    shelves: dict[str, FileChange] = {}  # the last one of each
    sessions: dict[str, DocumentChange] = {}
    for number in range(changes):
        at = NOON + timedelta(minutes=number, seconds=chance.uniform(-3600, 60))
        if chance.random() < 0.01:
            at = chance.choice(WRONG)
        who = USERS[min(int(chance.expovariate(0.5)), len(USERS) - 1)]
        place = chance.randrange(len(FILES))
        match number % 3:
            case 0:
                file = chance.choice([*FILES, None])
                fact = events.Consulted(at=at, user=who, name=who, address="", what="all", file=file)
                yield ReadingChange(who, read[who], [fact])
                read[who] += 1
            case 1:
                key, past = KEYS[place], sessions.get(KEYS[place])
                sessions[key] = _session(at, who, key, FILES[place], past)
                yield sessions[key]
            case 2:
                id_ = FILES[place]
                shelves[id_] = _file(at, who, id_, shelves.get(id_))
                yield shelves[id_]


def _session(at: datetime, who: str, key: str, file: str, last: DocumentChange | None) -> DocumentChange:
    first = [] if last else [events.Opened(at=at, file=file, name="a", filetype="docx", owner="ada", base=1)]
    admitted = events.Admitted(at=at, user=who, name=who, mode=Mode.EDIT, address="::1")
    both = (events.Joined(at=at, user=who), events.Left(at=at, user=who))
    facts: list[events.DocumentEvent] = [*first, admitted, *both * 4]
    state = documents.replay(facts, last.state if last else None)
    assert state is not None
    return DocumentChange(key, last.after + len(last.events) if last else 0, facts, state)


def _file(at: datetime, who: str, id_: str, last: FileChange | None) -> FileChange:
    first = [] if last else [events.Added(at=at, name="a.docx", owner="ada", owner_name="Ada")]
    share = events.Shared(at=at, user=who, name=who, access=Access.VIEW, by="ada")
    facts: list[events.FileEvent] = [*first, share, events.Renamed(at=at, name="b.docx", by=who)]
    state = files.replay(facts, last.state if last else None)
    assert state is not None
    return FileChange(id_, last.after + len(last.events) if last else 0, facts, state)


@pytest.fixture(scope="module")
def fake() -> FakeJournal:
    journal = FakeJournal()

    async def fill() -> None:
        for change in a_log(Random(1)):
            await journal.append(change)

    trio.run(fill)
    return journal


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("finding")


@pytest.fixture(scope="module")
def ledger(make_place: MakePlace) -> Iterator[Ledger]:
    ledger = ledger_at(make_place("finding"))
    ledger.record([ledger.entry([change]) for change in a_log(Random(1))])
    yield ledger
    ledger.close()


@pytest.fixture(scope="module")
def in_sqlite(folder: Path) -> Iterator[SqliteLedger]:
    ledger = SqliteLedger(folder / "ledger.db")
    ledger.record([ledger.entry([change]) for change in a_log(Random(1))])
    yield ledger
    ledger.close()


times = st.one_of(
    st.none(),
    st.sampled_from(WRONG),
    st.integers(-90, CHANGES + 10).map(lambda minutes: NOON + timedelta(minutes=minutes)),
)
queries = st.builds(
    Query,
    file=st.sampled_from([None, None, *FILES, "none"]),
    key=st.sampled_from([None, None, None, *KEYS, "none"]),
    users=st.one_of(
        st.just([]),
        st.lists(st.sampled_from([*USERS[:8], "none"]), min_size=1, max_size=4, unique=True),
        st.just(USERS[1:]),
    ),
    types=st.lists(
        st.sampled_from(["Added", "Joined", "Admitted", "Consulted", "Shared", "Saved"]), unique=True
    ),
    since=times,
    until=times,
)
positions = st.one_of(st.none(), st.integers(0, 4000))


@settings(max_examples=200, deadline=None)
@given(query=queries, before=positions, after=positions, limit=st.sampled_from([1, 3, 50, 5000]))
@example(query=Query(since=WRONG[0], until=NOON - timedelta(days=1)), before=None, after=None, limit=5000)
@example(query=Query(since=NOON + timedelta(days=9), users=["ada"]), before=3000, after=None, limit=2)
def test_the_same_facts_are_found_as_by_looking_at_every_one(
    fake: FakeJournal, ledger: Ledger, query: Query, before: int | None, after: int | None, limit: int
) -> None:
    found = ledger.views.search(Search(query, before, after, limit))
    looked = partial(fake.facts, query, before=before, after=after, limit=limit)
    assert found == trio.run(looked)


def test_that_log_is_long_enough(fake: FakeJournal) -> None:
    assert len(fake.kept) > 3 * 1024


SINCE = NOON + timedelta(minutes=20)
USUAL = {
    "a file": Query(file="f1"),
    "a session": Query(key="k1"),
    "somebody": Query(users=["ada"]),
    "namesakes": Query(users=["ada", "bob"]),
    "a type": Query(types=["Consulted"]),
    "two types": Query(types=["Consulted", "Shared"]),
    "a time": Query(since=SINCE, until=SINCE + timedelta(minutes=5)),
    "since": Query(since=SINCE),
    "somebody in a file": Query(file="f1", users=["ada"]),
    "a type in a session": Query(key="k1", types=["Joined"], users=["ada"], since=SINCE),
    "everything": Query(
        file="f1", users=["ada"], types=["Shared"], since=SINCE, until=SINCE + timedelta(minutes=5)
    ),
}


def plan(in_sqlite: SqliteLedger, search: Search) -> Sequence[str]:
    with in_sqlite.views.datastore.transaction(commit=False) as cursor:
        sql, values = search.statement(search.shortest(cursor))
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", values)
        return [row["detail"] for row in cursor.fetchall()]


@pytest.mark.parametrize("name", USUAL)
@pytest.mark.parametrize(("before", "after"), [(None, None), (2000, None), (None, 2000), (None, 0)])
def test_no_page_walks_through_the_log_or_sorts_it(
    in_sqlite: SqliteLedger, name: str, before: int | None, after: int | None
) -> None:
    steps = plan(in_sqlite, Search(USUAL[name], before, after, 100))
    walks = [step for step in steps if step.startswith("SCAN") and step != "SCAN arm"]
    assert walks in ([], ["SCAN spans"]), "a row for a thousand facts"
    assert not [step for step in steps if "TEMP B-TREE" in step]


def test_the_whole_log_is_walked_only_as_far_as_a_page_goes(in_sqlite: SqliteLedger) -> None:
    assert "SEARCH e USING INTEGER PRIMARY KEY (rowid<?)" in plan(in_sqlite, Search(Query(), 2000, None, 100))
    assert "SCAN e" in plan(in_sqlite, Search(Query(), None, None, 100))


def by(in_sqlite: SqliteLedger, query: Query) -> str:
    with in_sqlite.views.datastore.transaction(commit=False) as cursor:
        return Search(query, None, None, 100).shortest(cursor).by


def test_the_shortest_way_is_taken(in_sqlite: SqliteLedger) -> None:
    assert by(in_sqlite, Query(file="f1", users=["u90"])) == "users"
    assert by(in_sqlite, Query(file="f1", users=["ada"])) == "file"
    assert by(in_sqlite, Query(users=["ada"], types=["Added"])) == "types"
    assert by(in_sqlite, Query(users=["u90"], types=["Joined"])) == "users"


def test_where_in_time_a_log_is_can_be_found_out_afterwards(folder: Path, in_sqlite: SqliteLedger) -> None:
    """As for one that was recorded before that was kept."""
    spans = in_sqlite.views.query("SELECT block, low, high FROM spans ORDER BY block", (), tuple)
    assert [block for block, _, _ in spans] == [0, 1, 2, 3]
    copy = sqlite3.connect(folder / "copy.db")
    with sqlite3.connect(folder / "ledger.db") as database:
        database.backup(copy)
    copy.execute("DELETE FROM spans")
    for _ in range(2):
        chain(copy)
        assert copy.execute("SELECT block, low, high FROM spans ORDER BY block").fetchall() == spans
    copy.close()


# -- in PostgreSQL ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def in_postgres(postgres: Postgres) -> Iterator[Ledger]:
    """A longer log, so that it is worth going by an index."""
    ledger = ledger_at(url := postgres.create_database())
    changes = list(a_log(Random(1), 3 * CHANGES))
    for some in range(0, len(changes), 200):
        ledger.record([ledger.entry([change]) for change in changes[some : some + 200]])
    yield ledger
    ledger.close()
    postgres.drop_database(url)


def steps(ledger: Ledger, search: Search) -> Iterator[dict[str, Any]]:
    """Of its plan."""

    def explained(cursor: Any) -> Any:
        sql, values = search.statement(search.shortest(cursor))
        return cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", values).fetchone()[0][0]["Plan"]

    left = [ledger.views.note(explained)]
    while left:
        yield (step := left.pop())
        left += step.get("Plans", [])


def test_no_page_walks_through_a_log_in_postgres(in_postgres: Ledger) -> None:
    """Once autovacuum has made its statistics, which it does within a minute."""
    in_postgres.views.note(lambda cursor: cursor.execute("ANALYZE"))
    assert in_postgres.views.query("SELECT max(position) FROM stored_events", (), tuple)[0][0] > 10_000
    walks = [
        (name, before, after)
        for name, query in [*USUAL.items(), ("the whole log", Query())]
        for before, after in ((None, None), (9000, None), (None, 2000), (None, 0))
        for step in steps(in_postgres, Search(query, before, after, 100))
        if step["Node Type"] == "Seq Scan" and step["Relation Name"] == "stored_events"
    ]
    assert walks == []
