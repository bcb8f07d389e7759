"""Thinning in the background: first the versions, and a day later the bytes that nothing refers to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import trio

from application.changes import FileChange
from application.journal import DocumentRow, Journal, JournalFailed, StaleWrite, VersionRow
from application.ports import Blobs, StorageFailed
from application.sidecars import Sidecars
from domain import events, retention
from domain import file as files
from domain.events import FileEvent
from domain.retention import Policy

logger = logging.getLogger(__name__)

EVERY = 24 * 3600.0  # seconds between two passes
PAGE = 100  # files, or blobs, asked for at once
NUMBERS = 500  # versions thinned in one transaction
# So long bytes stay after the last version that had them, and after anybody kept them again: whoever has
# just read of them (a link, a restore, a save that is being committed) has long finished by then.
IDLE = timedelta(days=1)
WEEK = timedelta(weeks=1)  # of daily attempts at what was freed; then the next start tries again
EVER = datetime.min.replace(tzinfo=UTC)


class Retention:
    def __init__(
        self,
        journal: Journal,
        blobs: Blobs,
        sidecars: Sidecars,
        policy: Policy,
        now: Callable[[], datetime],
    ) -> None:
        self._journal, self._blobs, self._sidecars = journal, blobs, sidecars
        self._policy, self._now = policy, now

    async def run(self) -> None:
        """For ever: a pass now, then daily. Once everything is kept, what was thinned before still goes."""
        since = EVER
        while True:
            try:
                thinned = 0 if self._policy.keeps_all else await self.thin()
                discarded = await self.discard(since)
            except (JournalFailed, StorageFailed) as trouble:
                logger.warning("old versions could not be thinned out: %s", trouble)
            else:
                if thinned or discarded:
                    logger.info("%d automatic saves thinned out, %d blobs deleted", thinned, discarded)
                since = self._now() - WEEK
            await trio.sleep(EVERY)

    async def thin(self) -> int:
        """How many versions were thinned out of all files. Raises JournalFailed."""
        thinned, after = 0, ""
        while page := await self._journal.autosaved_files(after, PAGE):
            for file_id in page:
                try:
                    while few := await self._thin(file_id):
                        thinned += few
                except StaleWrite:
                    logger.debug("%s is busy: it is thinned out next time", file_id)
            after = page[-1]
        return thinned

    async def _thin(self, file_id: str) -> int:
        """A few at a time, so that no save waits long for its transaction."""
        row = await self._journal.file(file_id)
        if row is None:
            return 0
        # A session that opens from now on begins with the head, which stays; when the head moves or
        # anything is saved, our write fails.
        open_ = await self._journal.open_documents(file_id)
        versions = await self._journal.versions(file_id)
        needed = _needed(open_, versions)
        decide = partial(retention.thin, row.file, versions, self._policy, at=self._now())
        gone = _numbers(decide(needed=needed))
        if gone:  # worth reading how their sessions ended
            keys = {version.key for version in versions if version.key and version.number in gone}
            gone = _numbers(decide(needed=needed | await self._results(keys)))
        if not gone:
            return 0
        fact = events.Thinned(at=self._now(), numbers=gone[:NUMBERS])
        change = FileChange(file_id, row.version, (fact,), files.evolve(row.file, fact))
        await self._journal.append(change)
        return len(fact.numbers)

    async def _results(self, keys: Collection[str]) -> set[int]:
        """What final saves came to; one that brought bytes we had made no version of its own."""
        histories = [await self._journal.document_history(key) for key in keys]
        facts = (recorded.event for history in histories for recorded in history)
        return {fact.version for fact in facts if isinstance(fact, events.Saved)}

    async def discard(self, since: datetime = EVER) -> int:
        """How many blobs were deleted of what was thinned since then. Raises JournalFailed, StorageFailed."""
        discarded, after = 0, ""
        while page := await self._journal.freed(since, self._now() - IDLE, after, PAGE):
            for sha256 in page:
                referenced = partial(self._is_referenced, sha256)
                discarded += await self._blobs.discard(
                    sha256, idle=IDLE.total_seconds(), referenced=referenced
                )
            after = page[-1]
        return discarded

    async def _is_referenced(self, sha256: str) -> bool:
        """By a version, or by a save that the journal has not taken yet."""
        stored = (sidecar.stored for sidecar in await self._sidecars.waiting())
        waits = any(
            sha256 in (save.sha256, save.changes_sha256, save.forms_sha256, save.original_sha256)
            for save in stored
            if save
        )
        return waits or await self._journal.is_referenced(sha256)


def _needed(open_: Sequence[DocumentRow], versions: Sequence[VersionRow]) -> set[int]:
    """All that unfinished sessions have made, and what they build on."""
    keys = {row.key for row in open_}
    made = {version.number for version in versions if version.key in keys}
    return made | {number for row in open_ for number in (row.base, row.head)}


def _numbers(facts: Sequence[FileEvent]) -> tuple[int, ...]:
    return tuple(number for fact in facts if isinstance(fact, events.Thinned) for number in fact.numbers)
