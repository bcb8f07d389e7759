"""Reading stored bytes in chunks, wherever they are by then."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Self

READ_BYTES = 1024 * 1024


class Reading:
    """Opens the file anew for each chunk, so that a reader who walks away leaves nothing open."""

    def __init__(
        self,
        locate: Callable[[], Path],
        start: int,
        stop: int | None,
        in_thread: Callable[..., Any],
    ) -> None:
        """`locate` is asked for each chunk: bytes may move from one place to another."""
        self._locate = locate
        self._at = start
        self._stop = stop
        self._in_thread = in_thread
        self._ended = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        wanted = READ_BYTES if self._stop is None else min(READ_BYTES, self._stop - self._at)
        if self._ended or wanted <= 0:
            raise StopAsyncIteration
        chunk: bytes = await self._in_thread("read", partial(self._chunk, wanted))
        self._ended = len(chunk) < wanted
        self._at += len(chunk)
        if not chunk:
            raise StopAsyncIteration
        return chunk

    def _chunk(self, wanted: int) -> bytes:
        handle = os.open(self._locate(), os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(handle, wanted, self._at)
        finally:
            os.close(handle)
