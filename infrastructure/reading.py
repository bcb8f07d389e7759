"""Reading stored bytes in chunks, wherever they are by then."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self

from infrastructure.digests import damaged

READ_BYTES = 1024 * 1024
AT_HAND_BYTES = 128 * 1024  # copied on the event loop in some twenty microseconds


class Part(NamedTuple):
    data: bytes
    size: int  # of the whole


Find = Callable[[int, int], Part]  # from there, so many bytes or what is left. Raises OSError, StorageFailed
AtHand = Callable[[int, int], Part | None]  # the same, if nobody has to wait for it; raises nothing


def never(_start: int, _wanted: int) -> None:
    """Nothing is at hand."""


class Reading:
    """Asks anew for each chunk, so that a reader who walks away leaves nothing open."""

    def __init__(
        self,
        find: Find,
        start: int,
        stop: int | None,
        in_thread: Callable[..., Any],
        *,
        step: int = READ_BYTES,
        digest: str | None = None,
        at_hand: AtHand = never,
    ) -> None:
        """Bytes may move from one place to another meanwhile. With a `digest`, whoever reads all of them
        gets the end only if they are what their name says.
        """
        self._find = find
        self._at = start
        self._stop = stop
        self._in_thread = in_thread
        self._step = step
        self._digest = digest
        self._at_hand = at_hand
        self._hash = hashlib.sha256() if digest is not None and start == 0 else None
        self._ended = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        wanted = self._step if self._stop is None else min(self._step, self._stop - self._at)
        if self._ended or wanted <= 0:
            raise StopAsyncIteration
        part = self._at_hand(self._at, wanted) if wanted <= AT_HAND_BYTES else None
        chunk: bytes = (
            self._taken(part, wanted) if part else await self._in_thread("read", partial(self._next, wanted))
        )
        if not chunk:
            raise StopAsyncIteration
        return chunk

    def _next(self, wanted: int) -> bytes:
        return self._taken(self._find(self._at, wanted), wanted)

    def _taken(self, part: Part, wanted: int) -> bytes:
        data, size = part
        self._at += len(data)
        self._ended = len(data) < wanted or self._at >= size
        if self._hash and self._digest:
            self._hash.update(data)
            if self._at >= size and self._hash.hexdigest() != self._digest:
                raise damaged(self._digest)
        return data


def part_of(path: Path, start: int, wanted: int) -> Part:
    """Raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return Part(os.pread(handle, wanted, start), os.fstat(handle).st_size)
    finally:
        os.close(handle)
