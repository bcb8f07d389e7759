"""Requests as they come on a connection that is kept alive, with next to no work for each."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import trio

LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


class Asked(NamedTuple):
    head: bytes
    body: bytes

    @property
    def method(self) -> bytes:
        return self.head.partition(b" ")[0]

    @property
    def target(self) -> bytes:
        return self.head.split(b" ", 2)[1]

    @property
    def whole(self) -> bytes:
        return b"%b\r\n\r\n%b" % self


class Incoming:
    def __init__(self, stream: Any) -> None:
        self._stream: trio.SocketStream = stream
        self._waiting = b""

    async def next(self) -> Asked | None:
        """None when the other side has had enough. Raises BrokenResourceError."""
        while b"\r\n\r\n" not in self._waiting:
            if not await self._more():
                return None
        head, _, self._waiting = self._waiting.partition(b"\r\n\r\n")
        length = int(found[1]) if (found := LENGTH.search(head)) else 0
        while len(self._waiting) < length:
            if not await self._more():
                return None
        body, self._waiting = self._waiting[:length], self._waiting[length:]
        return Asked(head, body)

    async def _more(self) -> bool:
        arrived = await self._stream.receive_some()
        self._waiting += arrived
        return bool(arrived)


def answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
