"""Group commit: while one transaction is being synced, the next one fills up."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf

import psycopg
import trio
from eventsourcing.persistence import IntegrityError, OperationalError, PersistenceError
from outcome import Error, Outcome, Value

from application.changes import Change
from application.journal import JournalFailed, StaleWrite
from infrastructure.journal.ledger import Draft, Entry, Ledger

logger = logging.getLogger(__name__)

STORE = (
    PersistenceError,
    sqlite3.Error,
    psycopg.Error,
)  # the library lets their own through when it connects
BATCH = 200  # changes in one transaction
PIECE = 16  # of them are written at once, on the event loop
TURNS = 5  # of the scheduler after a commit, in which those that it has answered come back with more
LONGEST = 0.02  # seconds for them: a commit costs the same for one change and for many
SLOW = 0.1  # seconds that a piece takes only where its pages have to come from a disk
REST = 60.0  # seconds in which transactions are written in a thread after that


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
        self._slow_at = -inf  # when a piece was
        self._thread = trio.CapacityLimiter(1)
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
                async with self.limiter:
                    finish = await self._begun(batch)
                    await trio.to_thread.run_sync(finish, limiter=self._thread)
                self._note(Commit(batch, time.perf_counter() - began))
                for slip in batch:
                    slip.done.set()
                self.tell()
                await turns()

    def tell(self) -> None:
        """Somebody has recorded something: we, or others."""
        self.news.set()
        self.news = trio.Event()

    def _note(self, commit: Commit) -> None:
        self.failed_at = trio.current_time() if commit.failed else None
        self._watch(commit)

    async def _begun(self, batch: Sequence[Slip]) -> Callable[[], None]:
        """What is left to be done in a thread: to make durable what is written here, or all of it."""
        draft, whole = self._ledger.draft, partial(self._commit, batch)
        if draft is None or trio.current_time() < self._slow_at + REST:
            return whole
        try:
            draft.begin()
            for start in range(0, len(batch), PIECE):
                if start:
                    await trio.lowlevel.checkpoint()  # others have waited long enough
                began = time.perf_counter()
                draft.write([slip.entry for slip in batch[start : start + PIECE]])
                if time.perf_counter() - began > SLOW:
                    self._slow_at = trio.current_time()
        except Exception as trouble:  # a thread can wait for a lock, and finds out whose fault it is
            logger.debug("a transaction is begun anew in a thread: %r", trouble)
            draft.drop()
            return whole
        return partial(self._finish, draft, batch)

    def _finish(self, draft: Draft, batch: Sequence[Slip]) -> None:
        try:
            draft.commit()
        except STORE as trouble:
            logger.debug("a transaction is begun anew: %r", trouble)
            draft.drop()
            self._commit(batch)

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


async def turns() -> None:
    """So that those who were just answered can be part of the next commit."""
    until = trio.current_time() + LONGEST
    for _ in range(TURNS):
        await trio.lowlevel.checkpoint()
        if trio.current_time() > until:
            break


def _translated(error: Exception) -> Exception:
    if isinstance(error, IntegrityError):
        return _because(StaleWrite(str(error)), error)
    if isinstance(error, STORE):
        return _because(JournalFailed(f"nothing was recorded: {error}"), error)
    return error


def _because(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error
