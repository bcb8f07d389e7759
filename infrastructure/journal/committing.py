"""Group commit: while one transaction is being synced, the next one fills up."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psycopg
import trio
from eventsourcing.persistence import IntegrityError, OperationalError, PersistenceError
from outcome import Error, Outcome, Value

from application.changes import Change
from application.journal import JournalFailed, StaleWrite
from infrastructure.journal.ledger import Entry, Ledger

STORE = (
    PersistenceError,
    sqlite3.Error,
    psycopg.Error,
)  # the library lets their own through when it connects
BATCH = 200  # changes in one transaction


class Slip:
    """A place in the next commit: filled in when that commit is durable, or has failed."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.outcome: Outcome[None] = Value(None)
        self.done = trio.Event()


@dataclass(frozen=True, slots=True)
class Commit:
    """What became of one batch."""

    slips: Sequence[Slip]
    seconds: float

    @property
    def changes(self) -> list[Change]:
        """Those that are recorded."""
        taken = (slip.entry for slip in self.slips if isinstance(slip.outcome, Value))
        return [change for entry in taken for change in entry.changes]

    @property
    def failed(self) -> int:
        return self._ended(JournalFailed)

    @property
    def stale(self) -> int:
        return self._ended(StaleWrite)

    def _ended(self, kind: type[Exception]) -> int:
        ends = (slip.outcome for slip in self.slips)
        return sum(isinstance(end, Error) and isinstance(end.error, kind) for end in ends)


Watch = Callable[[Commit], None]


def unwatched(_: Commit) -> None:
    pass


class Writer:
    """The one writer of this process."""

    def __init__(self, ledger: Ledger, watch: Watch = unwatched) -> None:
        self._ledger = ledger
        self._watch = watch
        self.failed_at: float | None = None  # when the last commit was tried, if it failed
        self._door, self._outbox = trio.open_memory_channel[Slip](1000)
        self.limiter = trio.CapacityLimiter(1)  # for whoever else has to write
        self.news = trio.Event()  # set, and replaced, after each commit

    async def append(self, changes: Sequence[Change]) -> None:
        slip = Slip(self._ledger.entry(changes))
        try:
            await self._hand_in(slip)
        except trio.ClosedResourceError:
            raise JournalFailed("the journal is closed") from None
        await slip.done.wait()
        slip.outcome.unwrap()

    async def _hand_in(self, slip: Slip) -> None:
        try:
            self._door.send_nowait(slip)  # what becomes of it is waited for anyway
        except trio.WouldBlock:
            await self._door.send(slip)

    def close(self) -> None:
        """What was accepted is committed, and then `run` ends."""
        self._door.close()

    async def run(self) -> None:
        with trio.CancelScope(shield=True):  # what was accepted is committed, even on shutdown
            async for first in self._outbox:
                batch = [first]
                while len(batch) < BATCH and self._outbox.statistics().current_buffer_used:
                    batch.append(self._outbox.receive_nowait())
                began = time.perf_counter()
                await trio.to_thread.run_sync(self._commit, batch, limiter=self.limiter)
                self._note(Commit(batch, time.perf_counter() - began))
                for slip in batch:
                    slip.done.set()
                self.tell()

    def tell(self) -> None:
        """Somebody has recorded something: we, or others."""
        self.news.set()
        self.news = trio.Event()

    def _note(self, commit: Commit) -> None:
        self.failed_at = trio.current_time() if commit.failed else None
        self._watch(commit)

    def _commit(self, batch: Sequence[Slip]) -> None:
        try:
            self._ledger.record([slip.entry for slip in batch])
        except OperationalError as trouble:  # the disk, a lock: nobody's own fault
            for slip in batch:
                slip.outcome = Error(_because(JournalFailed(f"nothing was recorded: {trouble}"), trouble))
        except Exception as error:
            if len(batch) > 1:  # one stale or broken writer must not fail its neighbours
                for slip in batch:
                    self._commit([slip])
            else:
                batch[0].outcome = Error(_translated(error))


def _translated(error: Exception) -> Exception:
    if isinstance(error, IntegrityError):
        return _because(StaleWrite(str(error)), error)
    if isinstance(error, STORE):
        return _because(JournalFailed(f"nothing was recorded: {error}"), error)
    return error


def _because(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error
