"""The blob store in an object store: by way of the local disk, which has the bytes if the store fails."""

from __future__ import annotations

import math
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import trio

from application.ports import Blob, StorageFailed
from infrastructure.blobs import LocalBlobs, noted
from infrastructure.digests import damaged
from infrastructure.discarding import wanted_after_all
from infrastructure.durable import Draft, plainly
from infrastructure.object_store.bucket import Bucket
from infrastructure.object_store.cache import Cache
from infrastructure.overflow import OnlyHere
from infrastructure.reading import Part, Reading, part_of
from infrastructure.receiving import received

SUBJECT = "the blob store"
STEP = 4 * 1024 * 1024  # bytes of one request
THREADS = 16
GRACE = 10.0  # seconds for a small blob
SLOWEST = 2 * 1024 * 1024  # bytes a second that a large one has to make

T = TypeVar("T")


class ObjectBlobs:
    """A stream is written to a draft in the overflow's folder, where its digest becomes known; the draft is
    uploaded under it, and is a copy in the cache from then on.
    """

    step = STEP
    remote = True

    def __init__(
        self, bucket: Bucket, overflow: LocalBlobs, cache: Cache, *, grace: float | None = GRACE
    ) -> None:
        """An upload has `grace` seconds, a large one more; None for as long as each request may take."""
        self._bucket = bucket
        self._overflow = overflow
        self._cache = cache
        self._grace = grace
        self._threads = trio.CapacityLimiter(THREADS)

    async def keep(self, chunks: AsyncIterable[bytes], *, limit: int) -> Blob:
        """Raises TooLarge, StorageFailed, and OnlyHere when the overflow has them now."""
        draft = self._overflow.draft()
        async with received(chunks, draft, limit, self._overflow.in_thread) as rest:
            await self._overflow.in_thread("write", partial(draft.write, rest))
            blob = draft.blob
            try:
                await self._upload(draft.path, blob)
            except StorageFailed as failure:
                publish = partial(self._overflow.publish, draft, ())
                raise OnlyHere(await self._overflow.in_thread("write", publish), failure) from failure
            await self._overflow.in_thread("write", partial(self._to_cache, draft))
            return blob

    def read(self, sha256: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Raises StorageFailed on the way."""
        find = partial(self.part, sha256)
        return Reading(find, start, stop, self.in_thread, step=STEP, digest=sha256)

    def part(self, sha256: str, start: int, wanted: int) -> Part:
        """Of a copy here, else of the object. Blocking. Raises OSError, StorageFailed."""
        if copy := self._cache.path(sha256):
            with suppress(FileNotFoundError):  # it has just had to make room
                return part_of(copy, start, wanted)
        return self._bucket.part(sha256, start, wanted)

    def at_hand(self, sha256: str, start: int, wanted: int) -> None:
        """Nothing: what is read is compared with its digest, and that takes a thread."""

    def path(self, sha256: str) -> Path:
        """A copy in the cache. Blocking. Raises StorageFailed."""
        if copy := self._cache.path(sha256):
            return copy
        draft = self._overflow.draft()
        with plainly(SUBJECT, "be read"):
            try:
                for chunk in self._bucket.chunks(sha256):
                    draft.write([chunk])
                if draft.blob.sha256 != sha256:
                    raise damaged(sha256)
                return self._cache.take(draft.path, sha256)
            finally:
                draft.discard()

    async def place(self, sha256: str) -> str | None:
        """None: there are no files that others could read."""

    async def probe(self) -> None:
        """Whether it takes bytes at all. Raises StorageFailed."""
        await self.in_thread("write", self._bucket.probe)

    async def answers(self) -> None:
        """Raises StorageFailed."""
        await self.in_thread("be asked", self._bucket.ask)

    async def quarantine(self, sha256: str, source: str, note: Mapping[str, Any]) -> None:
        """A later note on the same bytes from the same source replaces the earlier one."""
        name, text = noted(sha256, source, note)
        await self.in_thread("write", partial(self._bucket.note, name, text))

    async def discard(self, sha256: str, *, idle: float, referenced: Callable[[], Awaitable[bool]]) -> bool:
        """Nothing is gone until the end, and then nothing that others have kept meanwhile."""
        deletion = await self.in_thread("discard", partial(self._bucket.delete, sha256, idle))
        if deletion is None:
            return False
        if await wanted_after_all(referenced, partial(self.in_thread, "be left alone", deletion.give_up)):
            return False
        await self.in_thread("discard", deletion.carry_out)
        self._cache.drop(sha256)
        return True

    async def _upload(self, source: Path, blob: Blob) -> None:
        seconds = math.inf if self._grace is None else self._grace + blob.size / SLOWEST
        try:
            with trio.fail_after(seconds):
                await self.in_thread("write", partial(self._bucket.keep, source, blob))
        except trio.TooSlowError as error:
            raise StorageFailed(f"the object store did not take it within {seconds:.0f} s") from error

    def _to_cache(self, draft: Draft) -> None:
        with suppress(OSError):
            self._cache.take(draft.path, draft.blob.sha256)
        draft.discard()

    async def in_thread(self, verb: str, work: Callable[[], T]) -> T:
        """Whoever must not wait any longer leaves the thread behind; each request has its own deadline."""
        with plainly(SUBJECT, verb):
            return await trio.to_thread.run_sync(work, limiter=self._threads, abandon_on_cancel=True)
