"""What only the real journal can show: durability, a poisoned change, a full disk, another process."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from application.changes import DocumentChange
from application.journal import JournalFailed
from domain import document as documents
from domain.events import DocumentEvent
from infrastructure.journal import LedgerJournal
from infrastructure.journal.committing import Commit
from infrastructure.journal.views import FILES_OF
from tests.story import admitted, joined, offered, opened


def change(key: str, *facts: DocumentEvent, file: str = "") -> DocumentChange:
    first = replace(opened(), file=file or f"file of {key}")
    state = documents.replay((first, *facts))
    assert state is not None
    return DocumentChange(key, 0, (first, *facts), state)


async def test_committed_means_synced(tmp_path: Path) -> None:
    async with LedgerJournal.open(tmp_path / "ledger.db") as journal:
        await journal.append(change("k"))
        modes = journal._ledger.views.query("PRAGMA synchronous", (), tuple)
        assert modes == [(2,)], "FULL"
    with sqlite3.connect(tmp_path / "ledger.db") as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_facts_are_stored_under_stable_names_as_json(tmp_path: Path) -> None:
    async with LedgerJournal.open(tmp_path / "ledger.db") as journal:
        await journal.append(change("k", admitted()))
    with sqlite3.connect(tmp_path / "ledger.db") as database:
        rows = database.execute("SELECT originator_id, originator_version, topic, state FROM stored_events")
        names = [(stream, number, topic) for stream, number, topic, _ in rows]
        assert names == [("document/k", 1, "Opened"), ("document/k", 2, "Admitted")]
        (state,) = database.execute("SELECT state FROM stored_events WHERE topic = 'Admitted'").fetchone()
    assert state == (
        b'{"at":"2026-11-23T12:00:00+00:00","user":"ada","name":"Ada","mode":"edit","address":"::1"}'
    )


async def test_facts_of_a_newer_version_are_still_read(tmp_path: Path) -> None:
    async with LedgerJournal.open(tmp_path / "ledger.db") as journal:
        await journal.append(change("k", offered()))
    with sqlite3.connect(tmp_path / "ledger.db") as database:
        (state,) = database.execute("SELECT state FROM stored_events WHERE topic = 'SaveOffered'").fetchone()
        newer = json.dumps({**json.loads(state), "mood": "fine"}).encode()
        database.execute("UPDATE stored_events SET state = ? WHERE topic = 'SaveOffered'", (newer,))
    async with LedgerJournal.open(tmp_path / "ledger.db") as journal:
        assert (await journal.document_history("k"))[1].event == offered()


async def test_many_writers_share_a_commit(tmp_path: Path) -> None:
    commits: list[Commit] = []
    async with LedgerJournal.open(tmp_path / "ledger.db", commits.append) as journal:
        async with trio.open_nursery() as nursery:
            for number in range(200):
                nursery.start_soon(journal.append, change(f"k{number}"))
        assert len(await journal.open_documents()) == 200
    assert sum(len(commit.slips) for commit in commits) == 200
    assert len(commits) < 20


async def test_a_change_that_cannot_be_stored_fails_alone(tmp_path: Path) -> None:
    too_large = replace(opened(), base=2**70)
    state = documents.replay([too_large])
    assert state is not None
    async with LedgerJournal.open(tmp_path / "ledger.db") as journal:
        outcomes: list[str] = []

        async def write(what: DocumentChange) -> None:
            try:
                await journal.append(what)
                outcomes.append("recorded")
            except OverflowError:
                outcomes.append("refused")

        async with trio.open_nursery() as nursery:
            for number in range(10):
                nursery.start_soon(write, change(f"k{number}"))
            nursery.start_soon(write, DocumentChange("poison", 0, [too_large], state))
        assert sorted(outcomes) == ["recorded"] * 10 + ["refused"]
        assert await journal.document("poison") is None


async def test_a_database_that_cannot_be_opened_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(JournalFailed, match="cannot open the database"):
        async with LedgerJournal.open(tmp_path / "ledger.db"):
            pass


async def test_a_locked_database_fails_and_recovers(tmp_path: Path) -> None:
    async with LedgerJournal.open(tmp_path / "ledger.db") as journal:
        await journal.append(change("k"))
        other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalFailed, match="nothing was recorded"):
            await journal.append(change("k2"))
        other.execute("ROLLBACK")
        other.close()
        await journal.append(change("k3"))
        assert [row.key for row in await journal.open_documents()] == ["k", "k3"]


async def test_a_writer_waits_for_another_process(tmp_path: Path) -> None:
    first = change("k")
    further = replace(first, after=1, events=[joined()], state=documents.evolve(first.state, joined()))
    async with LedgerJournal.open(tmp_path / "ledger.db") as journal:
        await journal.append(first)
        other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal.append, further)
            await trio.sleep(0.2)  # in a thread it waits for the lock
            other.execute("COMMIT")
        other.close()
        assert len(await journal.document_history("k")) == 2


async def test_rows_are_read_while_a_writer_holds_the_database(tmp_path: Path) -> None:
    async with LedgerJournal.open(tmp_path / "ledger.db") as journal:
        await journal.append(change("k"))
        other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM documents")
        row = await journal.document("k")
        other.execute("ROLLBACK")
        other.close()
        assert row
        assert row.key == "k"


async def test_a_row_that_cannot_be_read_at_once_is_read_in_a_thread(tmp_path: Path) -> None:
    async with LedgerJournal.open(tmp_path / "ledger.db") as journal:
        await journal.append(change("k"))
        journal._rows._connection.set_progress_handler(lambda: 1, 1)  # interrupts whatever it is asked
        row = await journal.document("k")
        assert row
        assert row.key == "k"
        assert await journal.document("nobody") is None


WRITER = """
    import sys, trio
    from pathlib import Path
    from infrastructure.journal import LedgerJournal
    from tests.infrastructure.test_journal import change

    async def main():
        async with LedgerJournal.open(Path(sys.argv[1])) as journal:
            async def write(number):
                await journal.append(change(f"k{number}"))
                print(number, flush=True)  # acknowledged
            async with trio.open_nursery() as nursery:
                for number in range(5_000):
                    nursery.start_soon(write, number)
                    await trio.sleep(0)

    trio.run(main)
"""


def test_what_was_acknowledged_before_a_kill_is_there_after_it(tmp_path: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(tmp_path / "ledger.db")],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent.parent,
    )
    assert writer.stdout
    acknowledged = [int(writer.stdout.readline()) for _ in range(300)]
    os.kill(writer.pid, signal.SIGKILL)
    acknowledged += [int(line) for line in writer.stdout.read().splitlines()]
    writer.stdout.close()
    writer.wait()

    async def found() -> set[str]:
        async with LedgerJournal.open(tmp_path / "ledger.db") as journal:
            return {row.key for row in await journal.open_documents()}

    assert {f"k{number}" for number in acknowledged} <= trio.run(found)


async def test_a_joined_user_without_an_admission_has_no_name(tmp_path: Path) -> None:
    async with LedgerJournal.open(tmp_path / "ledger.db") as journal:
        await journal.append(change("k", joined("stranger")))
        row = await journal.document("k")
        assert row
        assert row.users == {"stranger": ""}


async def test_writers_in_two_processes_wait_for_each_other(tmp_path: Path) -> None:
    """Each with a connection of its own, as `docledger import` beside the service."""

    async def write(journal: LedgerJournal, key: str) -> None:
        facts: list[DocumentEvent] = [replace(opened(), file=f"file of {key}")]
        for number in range(100):
            state = documents.replay(facts)
            assert state is not None
            await journal.append(DocumentChange(key, number, facts[number:], state))
            facts.append(joined(f"user {number}"))

    path = tmp_path / "ledger.db"
    async with (
        LedgerJournal.open(path) as one,
        LedgerJournal.open(path) as other,
        trio.open_nursery() as both,
    ):
        both.start_soon(write, one, "k")
        both.start_soon(write, other, "l")
    async with LedgerJournal.open(path) as journal:
        assert len(await journal.document_history("k")) == len(await journal.document_history("l")) == 100


async def test_a_page_of_files_is_found_along_the_index_of_whoever_may_see_them(tmp_path: Path) -> None:
    async with LedgerJournal.open(tmp_path / "docledger.db"):
        pass
    with closing(sqlite3.connect(tmp_path / "docledger.db")) as connection:
        parameters = ("ada", "~", 100, "*", "~", 100, 100)
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {FILES_OF}", parameters)]
    assert plan.count("SEARCH visible USING PRIMARY KEY (user=? AND file_id<?)") == 2
    assert [step for step in plan if step.startswith("SCAN")] == ["SCAN arm", "SCAN arm"]
