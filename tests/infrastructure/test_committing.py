"""Transactions written on the event loop, and done by a thread whenever anything is in the way of that."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock

from application.journal import JournalFailed
from infrastructure.journal import committing
from infrastructure.journal.committing import LONGEST, PIECE, REST, SLOW, Writer
from infrastructure.journal.ledger import Entry, Ledger
from infrastructure.journal.sqlite.drafting import Draft
from infrastructure.journal.sqlite.ledger import SqliteLedger
from tests.infrastructure.test_journal import change

BROKEN = sqlite3.OperationalError("disk I/O error")


def nothing(_: object = None) -> None:
    pass


@dataclass
class FakeLedger:
    """A ledger and its draft; what was done, in order."""

    done: list[object] = field(default_factory=list)
    begun: Callable[[], None] = nothing
    written: Callable[[Sequence[Entry]], None] = nothing
    committed: Callable[[], None] = nothing

    @property
    def draft(self) -> FakeLedger:
        return self

    def entry(self, changes: Sequence[Any]) -> Any:
        return changes

    def record(self, entries: Sequence[Entry]) -> None:
        self.done.append(("record", len(entries)))

    def begin(self) -> None:
        self.begun()
        self.done.append("begin")

    def write(self, entries: Sequence[Entry]) -> None:
        self.done.append(("write", len(entries)))
        self.written(entries)

    def commit(self) -> None:
        self.committed()
        self.done.append("commit")

    def drop(self) -> None:
        self.done.append("drop")


def raises() -> None:
    raise BROKEN


async def recorded(ledger: FakeLedger, count: int = 1, rounds: int = 1, pause: float = 0) -> list[object]:
    """What was done until all was acknowledged."""
    async with trio.open_nursery() as nursery:
        writer = Writer(cast(Ledger, ledger))
        nursery.start_soon(writer.run)
        try:
            for _ in range(rounds):
                async with trio.open_nursery() as writing:
                    for number in range(count):
                        writing.start_soon(writer.append, [change(f"k{number}")])
                await trio.sleep(pause)
        finally:
            writer.close()
    return ledger.done


async def test_a_thread_only_commits() -> None:
    here, threads = threading.get_ident(), []

    def note(_: object = None) -> None:
        threads.append(threading.get_ident() != here)

    ledger = FakeLedger(begun=note, written=note, committed=note)
    assert await recorded(ledger) == ["begin", ("write", 1), "commit"]
    assert threads == [False, False, True]


async def test_others_run_between_the_pieces_of_a_large_one() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    seen: list[int] = []
    ledger = FakeLedger(written=lambda _: seen.append(turns))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(other)
        done = await recorded(ledger, 3 * PIECE)
        nursery.cancel_scope.cancel()
    assert done == ["begin", *[("write", PIECE)] * 3, "commit"]
    assert seen[0] < seen[-1]


async def test_those_that_a_commit_has_answered_share_the_next_one(mock_clock: MockClock) -> None:
    """While they come back at once, which takes no time here, however busy the machine is."""
    ledger = FakeLedger()

    async def come_again(writer: Writer, number: int) -> None:
        for _ in range(3):
            await writer.append([change(f"k{number}")])
            for _ in range(number % 3):
                await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        writer = Writer(cast(Ledger, ledger))
        nursery.start_soon(writer.run)
        async with trio.open_nursery() as writing:
            for number in range(12):
                writing.start_soon(come_again, writer, number)
        writer.close()
    assert ledger.done == ["begin", ("write", 12), "commit"] * 3


async def test_nobody_waits_long_for_others_to_come_back(mock_clock: MockClock) -> None:
    """A turn of the scheduler takes long where there is much to do."""
    worked = 0

    async def busy() -> None:
        nonlocal worked
        while True:
            mock_clock.jump(1.1 * LONGEST)
            worked += 1
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(busy)
        await committing.turns()
        meanwhile = worked
        nursery.cancel_scope.cancel()
    assert meanwhile in {1, 2}, "by whose turn is first; it would be four or five"


@pytest.mark.parametrize(
    ("ledger", "before"),
    [
        (FakeLedger(begun=raises), []),
        (FakeLedger(written=lambda _: raises()), ["begin", ("write", 1)]),
        (FakeLedger(committed=raises), ["begin", ("write", 1)]),
    ],
)
async def test_whatever_fails_is_done_by_a_thread_from_the_beginning(
    ledger: FakeLedger, before: list[object]
) -> None:
    assert await recorded(ledger) == [*before, "drop", ("record", 1)]


async def test_what_does_not_become_durable_is_not_acknowledged() -> None:
    class Failing(FakeLedger):
        def record(self, entries: Sequence[Entry]) -> None:
            raise committing.OperationalError("no space left")

    failed = pytest.RaisesExc(JournalFailed, match="no space left")
    with pytest.RaisesGroup(failed, flatten_subgroups=True):
        await recorded(Failing(committed=raises))


async def test_a_slow_disk_keeps_only_threads_waiting(autojump_clock: MockClock) -> None:
    ledger = FakeLedger(written=lambda _: time.sleep(1.1 * SLOW))
    done = await recorded(ledger, rounds=4, pause=REST / 2.5)
    here = ["begin", ("write", 1), "commit"]
    assert done == [*here, ("record", 1), ("record", 1), *here]


@pytest.fixture
def ledger(tmp_path: Path) -> SqliteLedger:
    return SqliteLedger(tmp_path / "ledger.db")


def keys(ledger: SqliteLedger) -> list[str]:
    return ledger.views.query("SELECT key FROM documents ORDER BY key", (), lambda row: row[0])


def test_a_draft_is_seen_only_when_it_is_durable(ledger: SqliteLedger, tmp_path: Path) -> None:
    draft = Draft(tmp_path / "ledger.db")
    draft.begin()
    draft.write([ledger.entry([change("a")])])
    draft.write([ledger.entry([change("b")])])
    assert keys(ledger) == []
    assert draft._connection
    assert draft._connection.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"
    draft.commit()
    assert keys(ledger) == ["a", "b"]
    draft.begin()
    draft.write([ledger.entry([change("c")])])
    draft.drop()
    draft.begin()
    draft.write([ledger.entry([change("d")])])
    draft.commit()
    draft.drop()
    assert keys(ledger) == ["a", "b", "d"]
    ledger.close()


def test_a_draft_waits_for_nobody(ledger: SqliteLedger, tmp_path: Path) -> None:
    mine, others = Draft(tmp_path / "ledger.db"), Draft(tmp_path / "ledger.db")
    others.begin()
    began = time.perf_counter()
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        mine.begin()
    assert time.perf_counter() - began < 1  # the library's own connections wait for five
    others.drop()
    mine.begin()
    mine.drop()
    ledger.close()
