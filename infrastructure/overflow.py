"""The blob store, with the local disk behind it for as long as it fails."""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import trio

from application.ports import Blob, Blobs, StorageFailed
from infrastructure.blobs import LocalBlobs
from infrastructure.reading import Part, Reading

logger = logging.getLogger(__name__)

PAUSE = 5.0  # seconds between two attempts to empty the overflow


class OnlyHere(StorageFailed):
    """The store did not take the bytes, but the overflow has them already."""

    def __init__(self, blob: Blob, why: object) -> None:
        super().__init__(str(why))
        self.blob = blob


class Store(Blobs, Protocol):
    """Where bytes belong. `keep` may also raise OnlyHere."""

    step: int  # bytes that are worth asking for at once
    remote: bool  # over a network, so that what is read is compared with its digest

    def path(self, sha256: str) -> Path:
        """A local file with the bytes, as far as there can be one. Blocking. Raises StorageFailed."""
        ...

    def part(self, sha256: str, start: int, wanted: int) -> Part:
        """Blocking. Raises OSError, StorageFailed."""
        ...

    def at_hand(self, sha256: str, start: int, wanted: int) -> Part | None:
        """What nobody has to wait for."""
        ...

    async def in_thread(self, verb: str, work: Callable[[], Any]) -> Any: ...

    async def probe(self) -> None:
        """Whether it takes bytes at all. Raises StorageFailed."""
        ...

    async def answers(self) -> None:
        """Raises StorageFailed."""
        ...


class OverflowBlobs:
    """Both are addressed by content, so that bytes are the same wherever they are."""

    def __init__(
        self, store: Store, overflow: LocalBlobs, pause: float = PAUSE, patient: Store | None = None
    ) -> None:
        """`patient` is the store once more, for whoever can wait for it longer than a save."""
        self._store = store
        self._overflow = overflow
        self._pause = pause
        self._patient = patient or store
        self._failing = False
        self.waiting = 0  # blobs that are only on the local disk, at the last look

    @property
    def failing(self) -> bool:
        """Whether new bytes go to the local disk."""
        return self._failing

    def path(self, sha256: str) -> Path:
        """Where the bytes are, or would be. Blocking. Raises ValueError, StorageFailed."""
        beside = self._overflow.path(sha256)
        if self._store.remote:
            return beside if beside.exists() else self._store.path(sha256)
        path = self._store.path(sha256)
        return beside if not path.exists() and beside.exists() else path

    async def keep(self, chunks: AsyncIterable[bytes], *, limit: int) -> Blob:
        """Raises TooLarge, and StorageFailed: what has been read of a stream is gone, but its next
        attempt goes to the other place.
        """
        place = self._overflow if self._failing else self._store
        try:
            return await place.keep(chunks, limit=limit)
        except OnlyHere as trouble:
            self._failing = True
            logger.error("new bytes are kept on the local disk: %s", trouble)
            return trouble.blob
        except StorageFailed:
            self._failing = place is self._store
            raise

    def read(self, sha256: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        store = self._store
        digest = sha256 if store.remote else None
        find, at_hand = partial(self._part, sha256), partial(store.at_hand, sha256)
        return Reading(find, start, stop, store.in_thread, step=store.step, digest=digest, at_hand=at_hand)

    def _part(self, sha256: str, start: int, wanted: int) -> Part:
        """Bytes go from the overflow to the store, so whoever asks them in this order meets them."""
        if not self._store.remote:  # which is quickly asked, and has nearly everything
            with suppress(FileNotFoundError):
                return self._store.part(sha256, start, wanted)
        with suppress(FileNotFoundError):
            return self._overflow.part(sha256, start, wanted)
        return self._store.part(sha256, start, wanted)

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

    async def answers(self) -> None:
        """Whether the store itself does. Raises StorageFailed."""
        await self._store.answers()

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
        with self._overflow.alone() as alone:
            if alone:  # else another process of ours moves them
                for sha256 in beside:
                    self.waiting -= await self._take_home(sha256)
        self._failing = False
        return alone

    async def _take_home(self, sha256: str) -> bool:
        touched = await self._overflow.touched(sha256)
        if touched is None:
            return True
        blob = await self._patient.keep(self._overflow.read(sha256), limit=sys.maxsize)
        if blob.sha256 != sha256:
            logger.critical("the bytes kept as %s have changed on the local disk", sha256)
            return False
        await self._overflow.remove(sha256, touched)
        return True
