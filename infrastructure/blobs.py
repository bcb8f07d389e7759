"""The local blob store: content-addressed files that are durable before they are visible."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, aclosing, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import trio

from application.ports import Blob, TooLarge
from infrastructure.durable import Draft, Folders, plainly, publish
from infrastructure.reading import Reading
from infrastructure.trash import Trash, is_idle, touch

WRITE_BYTES = 256 * 1024  # a hop to a thread costs 160 µs, so that small chunks wait for each other
LEFTOVER_SECONDS = 24 * 3600
THREADS = 8
SUBJECT = "the blob store"

T = TypeVar("T")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class LocalBlobs:
    """`root/ab/abcdef…`, drafts in `root/tmp`, notes on suspects in `root/quarantine`.

    What is being deleted lies in `root/trash`.
    """

    def __init__(self, root: Path, *, mode: int = 0o600, fsync: Callable[[int], None] = os.fsync) -> None:
        """Makes the folders, sweeps what a crash left in tmp and puts back what it left in the trash.

        `mode` is that of new files. Raises StorageFailed.
        """
        self._root = root.absolute()
        self._drafts = self._root / "tmp"
        self._suspects = self._root / "quarantine"
        self._folders = Folders(fsync)
        self._trash = Trash(self._root / "trash", self._folders)
        self._mode = mode
        self._fsync = fsync
        self._threads = trio.CapacityLimiter(THREADS)
        with plainly(SUBJECT, "be prepared"):
            if self._root.is_dir():
                self._folders.trust(self._root)
            self._folders.make(self._drafts)
            self._folders.make(self._suspects)
            self._folders.make(self._root / "trash")
            for aside in (self._root / "trash").iterdir():
                if _SHA256.fullmatch(aside.name):
                    self._trash.put_back(aside, self.path(aside.name))
            _sweep(self._drafts, before=time.time() - LEFTOVER_SECONDS)

    def path(self, sha256: str) -> Path:
        """Raises ValueError for anything but a lower-case SHA-256, which no outside name is."""
        if not _SHA256.fullmatch(sha256):
            raise ValueError("not a SHA-256")
        return self._root / sha256[:2] / sha256

    async def keep(self, chunks: AsyncIterable[bytes], *, limit: int) -> Blob:
        """Stores all or nothing; whatever `chunks` raises passes through. Raises TooLarge, StorageFailed."""
        draft = Draft(self._drafts, self._fsync, mode=self._mode)
        batch = _Batch(limit)
        async with AsyncExitStack() as stack:
            if isinstance(chunks, AsyncGenerator):
                await stack.enter_async_context(aclosing(chunks))
            try:
                async for chunk in chunks:
                    if full := batch.add(chunk):
                        await self.in_thread("write", partial(draft.write, full))
                return await self.in_thread("write", partial(self._publish, draft, batch.take()))
            finally:
                if draft.exists:
                    with trio.CancelScope(shield=True):
                        await self.in_thread("clean up", draft.discard)

    def read(self, sha256: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `stop`, in chunks of 1 MiB. Raises StorageFailed on the way."""
        return Reading(lambda: self.path(sha256), start, stop, self.in_thread)

    async def place(self, sha256: str) -> str | None:
        """None also for what only we may read. Raises StorageFailed."""
        path = self.path(sha256)

        def placed() -> str | None:
            try:
                readable = path.stat().st_mode & stat.S_IRGRP
            except FileNotFoundError:
                return None
            return f"{path.parent.name}/{path.name}" if readable else None

        return await self.in_thread("be read", placed)

    async def all(self) -> Sequence[str]:
        """The names of everything stored here. Raises StorageFailed."""
        return await self.in_thread("be listed", lambda: sorted(path.name for path in self._stored()))

    async def remove(self, sha256: str) -> None:
        """For bytes that are safe elsewhere. Raises StorageFailed."""
        await self.in_thread("delete", lambda: self.path(sha256).unlink(missing_ok=True))

    async def probe(self) -> None:
        """Whether it takes bytes at all. Raises StorageFailed."""

        def write() -> None:
            draft = Draft(self._drafts, self._fsync)
            try:
                draft.write([b"probe"])
                draft.seal()
            finally:
                draft.discard()

        await self.in_thread("write", write)

    async def quarantine(self, sha256: str, source: str, note: Mapping[str, Any]) -> None:
        """A later note on the same bytes from the same source replaces the earlier one."""
        named = hashlib.sha256(source.encode()).hexdigest()[:16]
        target = self._suspects / f"{self.path(sha256).name}-{named}.json"
        text = json.dumps({"sha256": sha256, **note}, indent=1, default=str).encode()

        draft = Draft(self._drafts, self._fsync)
        await self.in_thread("write", partial(publish, draft, text, target, self._folders))

    def _stored(self) -> Iterator[Path]:
        for folder in self._root.iterdir():
            if len(folder.name) == 2:
                yield from (path for path in folder.iterdir() if _SHA256.fullmatch(path.name))

    async def discard(self, sha256: str, *, idle: float, referenced: Callable[[], Awaitable[bool]]) -> bool:
        """Until the end the bytes can be put back, and are when anything goes wrong."""
        path = self.path(sha256)
        aside = await self.in_thread("discard", partial(self._lay_aside, path, idle))
        if aside is None:
            return False
        wanted = True
        try:
            wanted = await referenced()
        finally:
            if wanted:
                with trio.CancelScope(shield=True):
                    await self.in_thread("put back", partial(self._trash.put_back, aside, path))
        return not wanted and await self.in_thread("discard", partial(self._trash.destroy, aside))

    def _lay_aside(self, path: Path, idle: float) -> Path | None:
        suspected = any(note.name.startswith(path.name) for note in self._suspects.iterdir())
        if suspected or not is_idle(path, idle):
            return None
        return self._trash.lay_aside(path, idle)

    def _publish(self, draft: Draft, rest: Sequence[bytes]) -> Blob:
        draft.write(rest)
        blob = draft.seal()
        target = self.path(blob.sha256)
        self._folders.make(target.parent)
        # A wrong size is somebody else's doing, or the file system's after a crash: these bytes are right.
        if _size(target) != blob.size or not touch(target):
            draft.path.replace(target)
        self._folders.sync(target.parent)
        draft.discard()
        return blob

    async def in_thread(self, verb: str, work: Callable[[], T]) -> T:
        with plainly(SUBJECT, verb):
            return await trio.to_thread.run_sync(work, limiter=self._threads)


class _Batch:
    """Chunks that wait to be written in one go."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._seen = 0
        self._chunks: list[bytes] = []
        self._waiting = 0

    def add(self, chunk: bytes) -> Sequence[bytes]:
        """All that waits once it is worth writing, else nothing. Raises TooLarge."""
        self._seen += len(chunk)
        if self._seen > self._limit:
            raise TooLarge(f"more than {self._limit} bytes")
        self._chunks.append(chunk)
        self._waiting += len(chunk)
        return self.take() if self._waiting >= WRITE_BYTES else ()

    def take(self) -> Sequence[bytes]:
        chunks, self._chunks, self._waiting = self._chunks, [], 0
        return chunks


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _sweep(folder: Path, *, before: float) -> None:
    for leftover in folder.iterdir():
        with suppress(FileNotFoundError):  # another process sweeps as well
            if leftover.stat().st_mtime < before:
                leftover.unlink()
