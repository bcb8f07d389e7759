"""The blob store, with the local disk behind it for as long as it fails."""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import trio

from application.ports import Blob, StorageFailed
from infrastructure.blobs import LocalBlobs
from infrastructure.reading import Reading

logger = logging.getLogger(__name__)

PAUSE = 5.0  # seconds between two attempts to empty the overflow


class OverflowBlobs:
    """Both are addressed by content, so that bytes are the same wherever they are."""

    def __init__(self, store: LocalBlobs, overflow: LocalBlobs, pause: float = PAUSE) -> None:
        self._store = store
        self._overflow = overflow
        self._pause = pause
        self._failing = False
        self.waiting = 0  # blobs that are only on the local disk, at the last look

    @property
    def failing(self) -> bool:
        """Whether new bytes go to the local disk."""
        return self._failing

    def path(self, sha256: str) -> Path:
        """Where the bytes are, or would be. Raises ValueError."""
        path = self._store.path(sha256)
        beside = self._overflow.path(sha256)
        return beside if not path.exists() and beside.exists() else path

    async def keep(self, chunks: AsyncIterable[bytes], *, limit: int) -> Blob:
        """Raises TooLarge, and StorageFailed: what has been read of a stream is gone, but its next
        attempt goes to the other place.
        """
        place = self._overflow if self._failing else self._store
        try:
            return await place.keep(chunks, limit=limit)
        except StorageFailed:
            self._failing = place is self._store
            raise

    def read(self, sha256: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        return Reading(lambda: self.path(sha256), start, stop, self._store.in_thread)

    async def place(self, sha256: str) -> str | None:
        """Of the store alone: nobody else is told of the local disk, or of a store that fails."""
        try:
            return await self._store.place(sha256)
        except StorageFailed:
            return None

    async def quarantine(self, sha256: str, source: str, note: Mapping[str, Any]) -> None:
        try:
            await self._store.quarantine(sha256, source, note)
        except StorageFailed:
            await self._overflow.quarantine(sha256, source, note)

    async def discard(self, sha256: str, *, idle: float, referenced: Callable[[], Awaitable[bool]]) -> bool:
        return await self._store.discard(sha256, idle=idle, referenced=referenced)

    async def run(self) -> None:
        """For ever: bring back to the store what had to be kept beside it."""
        while True:
            try:
                if await self.settle():
                    logger.warning("the blob store works again and has all that was kept beside it")
            except StorageFailed as trouble:
                logger.critical("new bytes are kept on the local disk: %s", trouble)
            await trio.sleep(self._pause)

    async def settle(self) -> bool:
        """Whether the store had failed and does so no longer. Raises StorageFailed."""
        beside = await self._overflow.all()
        self.waiting = len(beside)
        if not (self._failing or beside):
            return False
        await self._store.probe()
        for sha256 in beside:
            blob = await self._store.keep(self._overflow.read(sha256), limit=sys.maxsize)
            if blob.sha256 == sha256:
                await self._overflow.remove(sha256)
                self.waiting -= 1
            else:
                logger.critical("the bytes kept as %s have changed on the local disk", sha256)
        self._failing = False
        return True
