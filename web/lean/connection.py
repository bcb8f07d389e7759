"""A lean connection: requests one after the other, each answered in the connection's own task."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from contextvars import copy_context

import trio
from hypercorn.typing import ConnectionState

from web.connections import Connection
from web.lean.answering import Answer
from web.lean.cycle import Cycle
from web.lean.parsing import END, Fault, Head, Parser
from web.lean.shared import Shared

READ = 64 * 1024  # bytes at a time
LINGER = 1.0  # seconds for what a client still sends that nobody wants
UNWANTED = 1024 * 1024  # bytes of it
GO_ON = b"HTTP/1.1 100 \r\n\r\n"


class Lean(Connection):
    context: Shared

    async def converse(self) -> None:
        self.parser = Parser(self.config.h11_max_incomplete_size)
        self.reading = trio.Lock()
        self.lost = False  # nobody takes what is sent
        self.broken = False  # the protocol, by the client
        self.waits = False  # the client, for our word before it sends a body
        self.whole = True  # the request has come
        self.requests = 0
        state = ConnectionState(self.state)
        task, context = trio.lowlevel.current_task(), copy_context()
        while True:
            task.context = context.copy()  # from the next wait on: no request knows what was noted of another
            if (request := await self._request()) is None:
                break
            self.requests += 1
            self.whole, self.waits = False, request.waits
            cycle = Cycle(self, request, state)
            await cycle.run()
            if not (cycle.answer and await self._goes_on(request, cycle.answer)):
                break
        await self._leave()

    @property
    def is_last(self) -> bool:
        """Whether the client should be told that no other request of its will be answered."""
        return (
            self.requests >= self.config.keep_alive_max_requests
            or self.context.terminated.is_set()
            or self.is_waited_for  # it may send the body or not: nobody knows
        )

    @property
    def is_waited_for(self) -> bool:
        return self.waits and not self.whole and not self.parser.events

    async def _request(self) -> Head | None:
        """The next one; None when there is none in time."""
        if self.parser.events:
            await trio.lowlevel.checkpoint()  # others are served between two requests that came together
        elif not await self._in_time():
            return None
        event = self.parser.events.popleft()
        if isinstance(event, Head):
            return event
        assert isinstance(event, Fault), "nothing else is between two requests"
        self.broken = True
        await self.refuse(event.status)
        return None

    async def _in_time(self) -> bool:
        parser = self.parser
        self.context.begin_idling(self)
        try:
            while not parser.events and not parser.ended:
                await self.await_bytes()
                self.take()
        finally:
            self.context.end_idling(self)
        return bool(parser.events)

    async def _goes_on(self, request: Head, answer: Answer) -> bool:
        self.drop()
        if not self.whole and answer.done:
            await self._read_on()
        if self.lost or self.context.terminated.is_set():
            return False
        return answer.done and not answer.closes and self.whole and request.goes_on

    def drop(self) -> None:
        """What has come of the request and nobody has asked for, as the end of every GET."""
        events = self.parser.events
        while not self.whole and events and not isinstance(events[0], Fault):
            self.waits, self.whole = False, events.popleft() is END

    async def _leave(self) -> None:
        if not self.whole or self.broken:
            with suppress(trio.BrokenResourceError, trio.BusyResourceError, trio.ClosedResourceError):
                await self.stream.send_eof()
            await self._read_on()

    async def _read_on(self) -> None:
        """What nobody asked for: closing on bytes that are on their way would take from the client the answer
        that it has not read yet (RFC 9112, 9.6).
        """
        came = 0
        with trio.move_on_after(LINGER):
            while (not self.whole or self.broken) and came < UNWANTED:
                await self.await_bytes()
                if not (size := self.take()):
                    break
                came += size
                self.drop()

    async def refuse(self, status: int) -> None:
        """Where there is no other answer."""
        headers = [(b"content-length", b"0"), *self.context.headers()]
        await self.write(Answer("GET", "1.1", status, headers, last=True).head)

    async def await_bytes(self) -> None:
        """A client that may wait for our word before it sends a body is given it now."""
        if self.is_waited_for:
            self.waits = False
            await self.write(GO_ON)
        with suppress(OSError, ValueError, trio.ClosedResourceError):  # `take` will find the end
            await trio.lowlevel.wait_readable(self._file)

    def take(self) -> int:
        """Parse what has come; no bytes at all are the end, which a client that is gone is too."""
        try:
            data = os.read(self._file, READ)
        except BlockingIOError:
            return 0  # the system was wrong
        except OSError:
            data = b""
        self.parser.feed(data)
        return len(data)

    async def write(self, *pieces: bytes) -> None:
        """What the system takes at once costs one call; with the rest, the client is waited for."""
        if self.lost:
            return
        try:
            rest = pieces if self.send_lock.locked() else self._not_taken(pieces)
            if rest:
                with trio.CancelScope(shield=True):
                    async with self.send_lock:
                        for piece in rest:
                            await self._send(piece)
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            self.lost = True

    def _not_taken(self, pieces: Sequence[bytes]) -> Sequence[bytes | memoryview]:
        """What is left to be sent. Raises OSError."""
        try:
            taken = os.writev(self._file, pieces)
        except BlockingIOError:
            return pieces
        rest = []
        for piece in pieces:
            if taken < len(piece):
                rest.append(memoryview(piece)[taken:])
            taken = max(0, taken - len(piece))
        return rest

    @property
    def _file(self) -> int:
        """Asked for each time: once closed, its number belongs to somebody else."""
        number: int = self.stream.socket.fileno()
        return number
