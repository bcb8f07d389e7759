"""Databases of other releases; tests/samples keeps one for each step, made by the code of its time."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio

from application.changes import DocumentChange
from application.journal import JournalFailed, Query
from domain import document as documents
from infrastructure.evidence import CannotCheck
from infrastructure.journal import LedgerJournal, seals
from infrastructure.journal.past import Past
from infrastructure.journal.sqlite.upgrading import CURRENT, Unusable, upgrade
from tests.infrastructure.ledgers import checked
from tests.story import admitted, at, opened

ROOT = Path(__file__).parent.parent.parent
SAMPLES = ROOT / "tests" / "samples"
SAMPLE = SAMPLES / "ledger-before-chain.sql"
STEPS = {0: SAMPLE, 1: SAMPLES / "ledger-1.sql"}  # what each next step was made for
SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"
ORDERED = "SELECT originator_id, originator_version, topic, state FROM stored_events ORDER BY"


def made(path: Path, sample: Path) -> Path:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(sample.read_text())
    return path


@pytest.fixture
def earlier(tmp_path: Path) -> Iterator[Path]:
    path = made(tmp_path / "ledger.db", SAMPLE)
    yield path
    left = rows(path, "SELECT name FROM sqlite_master WHERE name = 'earlier_events'")
    assert left == []
    assert not list(tmp_path.glob("*.draft*"))


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(sql).fetchall()


async def test_every_fact_is_kept_as_it_was_under_its_place(earlier: Path) -> None:
    before = rows(earlier, f"{ORDERED} rowid")
    async with LedgerJournal.open(earlier) as journal:
        facts = await journal.facts(Query(), after=0)
    assert rows(earlier, f"{ORDERED} position") == before
    assert [fact.position for fact in facts] == list(range(1, 27))
    assert [(fact.stream, fact.number) for fact in facts] == [row[:2] for row in before]


async def test_who_and_which_file_can_be_asked_for(earlier: Path) -> None:
    async with LedgerJournal.open(earlier) as journal:
        of_file = await journal.facts(Query(file="g"), after=0)
        of_bob = await journal.facts(Query(users=["bob"]), after=0)
        assert await journal.names(["ada", "bob"]) == {"ada": "Ada", "bob": "Bob"}
    assert {fact.stream for fact in of_file} == {"file/g", "document/m"}
    assert [type(fact.event).__name__ for fact in of_bob] == [
        "Added",
        "Shared",
        "Admitted",
        "Renamed",
        "Removed",
    ]


async def test_the_facts_are_chained_and_the_chain_goes_on(earlier: Path) -> None:
    async with LedgerJournal.open(earlier) as journal:
        before = await journal.document_history("k")
        past = documents.replay([fact.event for fact in before])  # type: ignore[misc]
        assert past
        fact = admitted("bob")
        await journal.append(DocumentChange("k", len(before), [fact], documents.evolve(past, fact)))
        assert await journal.position() == 27
    links: dict[str, bytes] = {}
    columns = "originator_id, originator_version, topic, state, cause, salt, link"
    for stream, number, topic, state, cause, salt, link in rows(
        earlier, f"SELECT {columns} FROM stored_events ORDER BY position"
    ):
        digest = seals.digest(salt, state, cause)
        links[stream] = seals.link(links.get(stream, seals.START), stream, number, topic, digest)
        assert link == links[stream]


async def test_it_is_done_and_said_once(earlier: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "infrastructure.journal")
    for _ in range(2):
        async with LedgerJournal.open(earlier):
            pass
    assert [record.getMessage() for record in caplog.records] == [
        f"the log is brought from schema 0 to 2; {earlier}.before-2 has it as it was",
        "26 facts have their positions and chains",
        "the log is upgraded to schema 2",
    ]


async def test_a_fact_that_cannot_be_read_is_kept_and_reported(
    earlier: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(sqlite3.connect(earlier)) as database:
        database.execute("UPDATE stored_events SET state = x'ff00' WHERE rowid = 7")
        database.execute("UPDATE stored_events SET topic = 'Sung' WHERE rowid = 8")
        database.commit()
    async with LedgerJournal.open(earlier) as journal:
        assert len(await journal.file_history("g")) == 4
    assert rows(earlier, "SELECT state, at FROM stored_events WHERE position = 7") == [(b"\xff\0", None)]
    said = "\n".join(record.getMessage() for record in caplog.records if record.levelname == "ERROR")
    assert "document/k, fact 3: this is no Joined" in said
    assert "file/f, fact 3: Sung is nothing that this release knows" in said


KILLED = """
    import os, signal, sys
    from infrastructure.journal import seals
    from infrastructure.journal.sqlite import upgrading

    def salts():
        yield from map(os.urandom, [16] * 12)
        os.kill(os.getpid(), signal.SIGKILL)

    seals.new_salt = salts().__next__
    upgrading.upgrade(sys.argv[1])
"""


def test_a_kill_in_the_middle_leaves_the_database_as_it_was(earlier: Path) -> None:
    before = rows(earlier, f"{ORDERED} rowid")
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(earlier)], cwd=ROOT, check=False
    )
    assert killed.returncode == -9
    assert rows(earlier, f"{ORDERED} rowid") == before
    assert len(rows(earlier, "SELECT * FROM pragma_table_info('stored_events')")) == 4
    upgrade(str(earlier))
    assert rows(earlier, f"{ORDERED} position") == before


async def test_two_processes_may_open_it_at_the_same_time(earlier: Path) -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(trio.to_thread.run_sync, upgrade, str(earlier))
    assert rows(earlier, "SELECT count(*), max(position) FROM stored_events") == [(26, 26)]
    async with LedgerJournal.open(earlier) as journal:
        first = replace(opened(), file="new")
        state = documents.replay([first])
        assert state
        await journal.append(DocumentChange("new", 0, [first], state))
        assert await journal.position() == 27


def test_there_is_a_sample_for_every_step() -> None:
    assert set(STEPS) == set(range(CURRENT))


@pytest.mark.parametrize("before", STEPS)
async def test_whatever_it_was_before_its_tables_are_those_of_a_new_one(before: int, tmp_path: Path) -> None:
    path, new = made(tmp_path / "ledger.db", STEPS[before]), tmp_path / "new.db"
    for each in (path, new):
        async with LedgerJournal.open(each):
            pass
    columns = """SELECT tables.name, columns.name, columns.type, columns.pk FROM sqlite_schema tables,
        pragma_table_info(tables.name) columns WHERE tables.type = 'table' ORDER BY 1, 2"""
    assert rows(path, columns) == rows(new, columns)
    indexes = "SELECT name, tbl_name FROM sqlite_schema WHERE type = 'index' ORDER BY name"
    assert rows(path, indexes) == rows(new, indexes)
    assert rows(path, "PRAGMA user_version") == rows(new, "PRAGMA user_version") == [(CURRENT,)]


@pytest.mark.parametrize("before", STEPS)
def test_a_copy_is_kept_as_it_was(before: int, tmp_path: Path) -> None:
    path = made(tmp_path / "ledger.db", STEPS[before])
    whole = [rows(path, SCHEMA), rows(path, "SELECT * FROM stored_events"), rows(path, "PRAGMA user_version")]
    upgrade(str(path))
    kept = tmp_path / f"ledger.db.before-{CURRENT}"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert rows(kept, "PRAGMA journal_mode") == [("delete",)]
    assert whole == [
        rows(kept, SCHEMA),
        rows(kept, "SELECT * FROM stored_events"),
        rows(kept, "PRAGMA user_version"),
    ]
    assert sorted(left.name for left in tmp_path.iterdir()) == ["ledger.db", kept.name]


def test_a_log_with_chains_keeps_every_row_and_proves_itself(tmp_path: Path) -> None:
    path = made(tmp_path / "ledger.db", STEPS[1])
    everything = [
        f"SELECT {', '.join(name for (name,) in rows(path, COLUMNS.format(table)))} FROM {table}"
        for (table,) in rows(path, TABLES)
    ]
    before = [rows(path, query) for query in everything]
    upgrade(str(path))
    assert [rows(path, query) for query in everything] == before
    assert checked(path).findings == []


TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table'"
COLUMNS = "SELECT name FROM pragma_table_info('{}')"


async def test_a_log_from_before_there_were_numbers_gets_what_it_lacks(tmp_path: Path) -> None:
    path = made(tmp_path / "ledger.db", STEPS[1])
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("DROP INDEX versions_with_changes")
        database.execute("ALTER TABLE versions DROP COLUMN changes_sha256")
        database.execute("DROP TABLE spans")
    async with LedgerJournal.open(path) as journal:
        assert [version.changes_sha256 for version in await journal.versions("g")] == [None]
        assert len(await journal.facts(Query(until=at(10)), after=0)) == 13


def test_without_room_for_a_copy_nothing_is_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made(tmp_path / "ledger.db", SAMPLE)
    before = path.read_bytes()
    usage = shutil.disk_usage(tmp_path)._replace(free=2 * len(before))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(Unusable, match="needs 1 MB on its disk, and 1 MB are free"):
        upgrade(str(path))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


async def test_a_log_of_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with LedgerJournal.open(path):
        pass
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA user_version = {CURRENT + 1}")
    before = path.read_bytes()
    with pytest.raises(JournalFailed, match=r"is of a newer release \(schema 3; this one knows 2\)"):
        async with LedgerJournal.open(path):
            pass
    with pytest.raises(JournalFailed, match="use that release"), Past.open(path):
        pass
    with pytest.raises(CannotCheck, match="use that release"):
        checked(path)
    assert path.read_bytes() == before


def test_what_only_reads_says_that_an_earlier_log_is_first_to_be_upgraded(earlier: Path) -> None:
    with pytest.raises(JournalFailed, match="start the service once to upgrade it"), Past.open(earlier):
        pass


def test_what_only_reads_does_with_a_log_that_lacks_nothing_it_needs(tmp_path: Path) -> None:
    path = made(tmp_path / "ledger.db", STEPS[1])
    with Past.open(path) as past:
        subject = past.subject("k")
        assert subject
        assert len(past.stream(subject)) == 10
    assert checked(path).findings == []
    assert rows(path, "PRAGMA user_version") == [(0,)]
