"""The line between a worker and its parent: a few words, and its closing says that the other one is gone."""

from __future__ import annotations

import socket
from contextlib import suppress

import trio

READY = b"ready\n"  # a worker's: it listens
DRAINED = b"drained\n"  # a worker's: for its own documents it need not listen any longer
LEAVE = b"leave\n"  # its parent's: another one has its place, and takes what comes in from now on
BYTES = 1024


class Line:
    """A worker's end."""

    def __init__(self, handle: int) -> None:
        self._stream = trio.SocketStream(trio.socket.from_stdlib_socket(socket.socket(fileno=handle)))
        self.leave = trio.Event()
        self.over = trio.Event()  # the parent has hung up, or is no more

    async def listen(self, stop: trio.Event) -> None:
        """For as long as there is a parent; `stop` is set when it is time to end."""
        said = b""
        with suppress(trio.BrokenResourceError):
            while chunk := await self._stream.receive_some(BYTES):
                said += chunk
                if LEAVE in said:
                    self.leave.set()
                    stop.set()
        self.over.set()
        stop.set()

    async def say(self, word: bytes) -> None:
        with suppress(trio.BrokenResourceError):
            await self._stream.send_all(word)
