"""Chunks as they arrive, on their way into a draft."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from functools import partial
from typing import Any

import trio

from application.ports import TooLarge
from infrastructure.durable import Draft

WRITE_BYTES = 256 * 1024  # a hop to a thread costs 160 µs, so that small chunks wait for each other

InThread = Callable[[str, Callable[[], Any]], Awaitable[Any]]  # a verb for what may fail, and the work


@asynccontextmanager
async def received(
    chunks: AsyncIterable[bytes], draft: Draft, limit: int, in_thread: InThread
) -> AsyncIterator[Sequence[bytes]]:
    """All of them are in the draft but the rest, which is given; the draft is discarded if it is still
    there in the end. Raises TooLarge, and whatever `chunks` does.
    """
    batch = _Batch(limit)
    async with AsyncExitStack() as stack:
        if isinstance(chunks, AsyncGenerator):
            await stack.enter_async_context(aclosing(chunks))
        try:
            async for chunk in chunks:
                if full := batch.add(chunk):
                    await in_thread("write", partial(draft.write, full))
            yield batch.take()
        finally:
            if draft.exists:
                with trio.CancelScope(shield=True):
                    await in_thread("clean up", draft.discard)


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
