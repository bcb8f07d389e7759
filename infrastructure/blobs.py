"""The local blob store: content-addressed files that are durable before they are visible."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import stat
import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import trio

from application.ports import Blob
from infrastructure.digests import SHA256, place_of, size_at
from infrastructure.discarding import wanted_after_all
from infrastructure.durable import Draft, Folders, plainly, publish
from infrastructure.page_cache import PageCache
from infrastructure.reading import READ_BYTES, Part, Reading, part_of
from infrastructure.receiving import received
from infrastructure.trash import Trash, is_idle, touch, touched_at

LEFTOVER_SECONDS = 24 * 3600
THREADS = 8
SUBJECT = "the blob store"

T = TypeVar("T")


class LocalBlobs:
    """`root/ab/abcdef…`, drafts in `root/tmp`, notes on suspects in `root/quarantine`.

    What is being deleted lies in `root/trash`.
    """

    step = READ_BYTES
    remote = False

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
        self._memory = PageCache()
        self._threads = trio.CapacityLimiter(THREADS)
        with plainly(SUBJECT, "be prepared"):
            if self._root.is_dir():
                self._folders.trust(self._root)
            self._folders.make(self._drafts)
            self._folders.make(self._suspects)
            self._folders.make(self._root / "trash")
            for aside in (self._root / "trash").iterdir():
                if SHA256.fullmatch(aside.name):
                    self._trash.put_back(aside, self.path(aside.name))
            _sweep(self._drafts, before=time.time() - LEFTOVER_SECONDS)

    def path(self, sha256: str) -> Path:
        """Raises ValueError for what is no SHA-256."""
        return self._root / place_of(sha256)

    async def keep(self, chunks: AsyncIterable[bytes], *, limit: int) -> Blob:
        """Stores all or nothing; whatever `chunks` raises passes through. Raises TooLarge, StorageFailed."""
        draft = self.draft()
        async with received(chunks, draft, limit, self.in_thread) as rest:
            return await self.in_thread("write", partial(self.publish, draft, rest))

    def draft(self) -> Draft:
        return Draft(self._drafts, self._fsync, mode=self._mode)

    def read(self, sha256: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `stop`, in chunks of 1 MiB. Raises StorageFailed on the way."""
        find, at_hand = partial(self.part, sha256), partial(self.at_hand, sha256)
        return Reading(find, start, stop, self.in_thread, at_hand=at_hand)

    def part(self, sha256: str, start: int, wanted: int) -> Part:
        """Blocking. Raises OSError."""
        return part_of(self.path(sha256), start, wanted)

    def at_hand(self, sha256: str, start: int, wanted: int) -> Part | None:
        """What the system has in memory."""
        return self._memory.part(self.path(sha256), start, wanted)

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

    async def touched(self, sha256: str) -> int | None:
        """When they were last kept, to be given to `remove`. Raises StorageFailed."""
        return await self.in_thread("be read", lambda: touched_at(self.path(sha256)))

    async def remove(self, sha256: str, touched: int | None) -> None:
        """Bytes that are safe elsewhere, unless somebody has kept them here since. Raises StorageFailed."""

        def let_go() -> None:
            unchanged = self._trash.lay_aside(self.path(sha256), lambda aside: touched_at(aside) == touched)
            if unchanged:
                self._trash.destroy(unchanged)

        await self.in_thread("delete", let_go)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether no other process of this machine is inside as well. Raises StorageFailed."""
        with plainly(SUBJECT, "be locked"):
            handle = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            alone = True
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                alone = False
        try:
            yield alone
        finally:
            os.close(handle)

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

    async def answers(self) -> None:
        """Raises StorageFailed."""
        with plainly(SUBJECT, "be read"):
            await trio.to_thread.run_sync(os.listdir, self._drafts, abandon_on_cancel=True)

    async def quarantine(self, sha256: str, source: str, note: Mapping[str, Any]) -> None:
        """A later note on the same bytes from the same source replaces the earlier one."""
        name, text = noted(self.path(sha256).name, source, note)
        target = self._suspects / name
        draft = Draft(self._drafts, self._fsync)
        await self.in_thread("write", partial(publish, draft, text, target, self._folders))

    def _stored(self) -> Iterator[Path]:
        for folder in self._root.iterdir():
            if len(folder.name) == 2:
                yield from (path for path in folder.iterdir() if SHA256.fullmatch(path.name))

    async def discard(self, sha256: str, *, idle: float, referenced: Callable[[], Awaitable[bool]]) -> bool:
        """Until the end the bytes can be put back, and are when anything goes wrong."""
        path = self.path(sha256)
        aside = await self.in_thread("discard", partial(self._lay_aside, path, idle))
        if aside is None:
            return False
        put_back = partial(self.in_thread, "put back", partial(self._trash.put_back, aside, path))
        if await wanted_after_all(referenced, put_back):
            return False
        return await self.in_thread("discard", partial(self._trash.destroy, aside))

    def _lay_aside(self, path: Path, idle: float) -> Path | None:
        suspected = any(note.name.startswith(path.name) for note in self._suspects.iterdir())
        if suspected or not is_idle(path, idle):
            return None
        return self._trash.lay_aside(path, partial(is_idle, seconds=idle))

    def publish(self, draft: Draft, rest: Sequence[bytes]) -> Blob:
        """Blocking: a draft of ours, and what is to be written yet. Raises OSError."""
        draft.write(rest)
        blob = draft.seal()
        target = self.path(blob.sha256)
        self._folders.make(target.parent)
        # A wrong size is somebody else's doing, or the file system's after a crash: these bytes are right.
        if size_at(target) != blob.size or not touch(target):
            draft.path.replace(target)
        self._folders.sync(target.parent)
        draft.discard()
        return blob

    async def in_thread(self, verb: str, work: Callable[[], T]) -> T:
        with plainly(SUBJECT, verb):
            return await trio.to_thread.run_sync(work, limiter=self._threads)


def noted(sha256: str, source: str, note: Mapping[str, Any]) -> tuple[str, bytes]:
    """A note's name, and what it says."""
    name = f"{sha256}-{hashlib.sha256(source.encode()).hexdigest()[:16]}.json"
    return name, json.dumps({"sha256": sha256, **note}, indent=1, default=str).encode()


def _sweep(folder: Path, *, before: float) -> None:
    for leftover in folder.iterdir():
        with suppress(FileNotFoundError):  # another process sweeps as well
            if leftover.stat().st_mtime < before:
                leftover.unlink()
