"""A database of the release before positions and chains; tests/samples keeps one that its code made."""

from __future__ import annotations

import logging
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

from application.journal import DocumentChange, Query
from domain import document as documents
from infrastructure.journal import LedgerJournal, seals
from infrastructure.journal.upgrading import upgrade
from tests.story import admitted, opened

ROOT = Path(__file__).parent.parent.parent
SAMPLE = ROOT / "tests" / "samples" / "ledger-before-chain.sql"
ORDERED = "SELECT originator_id, originator_version, topic, state FROM stored_events ORDER BY"


@pytest.fixture
def earlier(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(SAMPLE.read_text())
    yield path
    left = rows(path, "SELECT name FROM sqlite_master WHERE name = 'earlier_events'")
    assert left == []


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
        "the log is upgraded: 26 facts have their positions and chains"
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
    from infrastructure.journal import seals, upgrading

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
