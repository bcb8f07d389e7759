"""A log read beside its service: one snapshot, a few rows at a time, and why it cannot be read if so."""

from __future__ import annotations

import sqlite3
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psycopg
import pytest
import trio

from application.changes import ReadingChange
from domain import events
from infrastructure.databases import CannotRead
from infrastructure.journal import LedgerJournal
from infrastructure.journal.databases import ledger_at
from infrastructure.journal.postgres.upgrading import CURRENT
from infrastructure.journal.reading import snapshot
from tests.databases import Place, execute, rows
from tests.engines.postgres import Postgres
from tests.log import Log
from tests.ports import free_port
from tests.story import at

COUNT = "SELECT count(*) AS facts FROM stored_events"


async def fill(place: Place) -> None:
    async with LedgerJournal.open(place) as journal:
        for changes in Log().changes:
            await journal.append(*changes)


@pytest.fixture
def log(place: Place) -> Place:
    trio.run(fill, place)
    return place


def test_it_stays_as_it_was_whatever_is_recorded_meanwhile(log: Place) -> None:
    with snapshot(log) as seen:
        (before,) = seen.execute(COUNT).fetchone()
        execute(log, "UPDATE stored_events SET topic = 'Sung'")
        assert seen.execute(COUNT).fetchone()["facts"] == before
        assert seen.execute("SELECT 1 FROM stored_events WHERE topic = ?", ("Sung",)).fetchall() == []


def test_nothing_can_be_written_through_it(log: Place) -> None:
    with pytest.raises(CannotRead, match=r"readonly|read-only"), snapshot(log) as seen:
        seen.execute("DELETE FROM stored_events")


def test_streams_are_read_side_by_side(log: Place) -> None:
    sql = "SELECT position FROM stored_events WHERE position > ? ORDER BY position"
    with snapshot(log) as seen:
        both = zip(seen.stream(sql, (0,)), seen.stream(sql, (0,)), strict=True)
        assert [(one["position"], other[0]) for one, other in both] == [(1, 1), (2, 2)]


def test_a_long_stream_takes_little_memory(place: Place) -> None:
    fact = events.Consulted(at=at(), user="x", name="X", address="", what="x" * 10_000)
    ledger = ledger_at(place)
    for first in range(0, 5000, 1000):
        ledger.record([ledger.entry([ReadingChange("x", first, [fact] * 1000)])])
    ledger.close()
    with snapshot(place) as seen:
        tracemalloc.start()
        length = sum(len(row["state"]) for row in seen.stream("SELECT state FROM stored_events"))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert length > 50_000_000
    assert peak < 20_000_000


def test_of_another_release(log: Place) -> None:
    if isinstance(log, str):
        execute(log, f"UPDATE schema_version SET number = {CURRENT + 1}")
    else:
        execute(log, "PRAGMA user_version = 99")
    with pytest.raises(CannotRead, match="is of a newer release"), snapshot(log):
        pass


def test_where_there_is_none(place: Place) -> None:
    said = "holds no log. Is DOCLEDGER_DATABASE_URL" if isinstance(place, str) else "There is no log at"
    with pytest.raises(CannotRead, match=said), snapshot(place):
        pass
    assert isinstance(place, str) or not place.exists()


def test_a_file_that_somebody_holds(tmp_path: Path) -> None:
    trio.run(fill, path := tmp_path / "ledger.db")
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA journal_mode = DELETE")
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(CannotRead, match="database is locked"), snapshot(path, 0.1):
        pass
    holder.close()


# -- a PostgreSQL that cannot be read -----------------------------------------------------------------------


HIDDEN = "quite-a-hidden-word"


def said_of(url: str, longest: float = 10) -> str:
    """Why it cannot be read."""
    with pytest.raises(CannotRead) as refused, snapshot(url, longest) as seen:
        seen.execute(COUNT).fetchone()
    said = str(refused.value)
    assert HIDDEN not in said
    assert "\n" not in said
    return said


@contextmanager
def signed_in(url: str, name: str, *rights: str) -> Iterator[str]:
    execute(url, f"CREATE ROLE {name} LOGIN {' '.join(rights)}")
    try:
        yield url.replace("docledger@", f"{name}:{HIDDEN}@")
    finally:
        execute(url, f"DROP OWNED BY {name}; DROP ROLE {name}")


def test_who_cannot_reach_it_or_is_not_let_in(postgres: Postgres, postgres_database: str) -> None:
    url = postgres_database.replace("docledger@", f"docledger:{HIDDEN}@")
    assert "docledger:…@127.0.0.1" in said_of(url.rpartition("/")[0] + "/nothing_here")
    assert 'database "nothing_here" does not exist' in said_of(url.rpartition("/")[0] + "/nothing_here")
    assert "refused" in said_of(url.replace(f":{postgres.port}/", f":{free_port()}/"))
    assert "nowhere.invalid" in said_of(url.replace("127.0.0.1", "nowhere.invalid"))
    with signed_in(postgres_database, "locked", "PASSWORD 'another'") as locked:
        postgres.hba("host all locked 127.0.0.1/32 scram-sha-256")
        try:
            assert 'password authentication failed for user "locked"' in said_of(locked)
            behind = postgres_database.replace("docledger@", "locked@") + f"?password={HIDDEN}"
            assert "locked@127.0.0.1" in said_of(behind)
        finally:
            postgres.hba()


def test_who_may_read_nothing(postgres_database: str) -> None:
    trio.run(fill, postgres_database)
    with signed_in(postgres_database, "guest") as url:
        assert "permission denied for table schema_version" in said_of(url)
        execute(postgres_database, "GRANT SELECT ON schema_version TO guest")
        assert "permission denied for table stored_events" in said_of(url)
        execute(postgres_database, "GRANT SELECT ON stored_events TO guest")
        with snapshot(url) as seen:  # and that is all it takes
            assert seen.execute(COUNT).fetchone()["facts"] == 2


def test_a_table_that_somebody_holds(postgres_database: str) -> None:
    trio.run(fill, postgres_database)
    with psycopg.connect(postgres_database) as holder:
        holder.execute("LOCK TABLE stored_events")
        assert "canceling statement due to lock timeout" in said_of(postgres_database, 0.2)


def read_after(trouble: Callable[[], object], url: str, longest: float = 10) -> None:
    with snapshot(url, longest) as seen:
        trouble()
        seen.execute(COUNT)


def test_a_server_that_falls_silent(postgres: Postgres, postgres_database: str) -> None:
    trio.run(fill, postgres_database)
    with pytest.raises(CannotRead, match=r"no answer within 0\.2 s"):
        read_after(postgres.pause, postgres_database, 0.2)
    assert "timeout" in said_of(postgres_database), "nor does it let anybody in"


def test_a_server_that_goes_away(postgres: Postgres, postgres_database: str) -> None:
    trio.run(fill, postgres_database)
    with pytest.raises(CannotRead, match=r"cannot be read: .*(closed|terminat)"):
        read_after(partial(postgres.stop, "immediate"), postgres_database)


def test_a_replica_can_be_read(postgres_database: str) -> None:
    """Or whatever takes no writes."""
    trio.run(fill, postgres_database)
    name = postgres_database.rpartition("/")[2]
    execute(postgres_database, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with snapshot(postgres_database) as seen:
        assert seen.execute(COUNT).fetchone()["facts"] == 2


def test_nobody_is_kept_from_recording(log: Place) -> None:
    with snapshot(log) as seen:
        (before,) = seen.execute(COUNT).fetchone()
        trio.run(record_more, log)
        assert len(rows(log, "SELECT 1 FROM stored_events")) == before + 1


async def record_more(place: Place) -> None:
    fact = events.Consulted(at=at(), user="x", name="X", address="", what="all")
    async with LedgerJournal.open(place) as journal:
        with trio.fail_after(10):
            await journal.append(ReadingChange("x", 0, [fact]))
