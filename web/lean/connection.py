"""A lean connection: requests one after the other, each answered in the connection's own task."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from contextvars import copy_context

import h11
import trio
from hypercorn.typing import ConnectionState

from web.connections import Connection
from web.lean.cycle import Cycle
from web.lean.shared import Shared

READ = 64 * 1024  # bytes at a time
LINGER = 1.0  # seconds for what a client still sends that nobody wants
UNWANTED = 1024 * 1024  # bytes of it
UNREAD = {h11.SEND_BODY, h11.ERROR}  # states of a client that may be sending
DEAF = {h11.ERROR, h11.MUST_CLOSE}  # and of one that has nothing to say any more

NO_MORE = h11.ConnectionClosed()  # as if the client had ended

Event = h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]


class Lean(Connection):
    context: Shared

    async def converse(self) -> None:
        self.http = h11.Connection(h11.SERVER, max_incomplete_event_size=self.config.h11_max_incomplete_size)
        self.reading = trio.Lock()
        self.lost = False  # nobody takes what is sent
        self.requests = 0
        state = ConnectionState(self.state)
        task, context = trio.lowlevel.current_task(), copy_context()
        while True:
            task.context = context.copy()  # from the next wait on: no request knows what was noted of another
            if (request := await self._request()) is None:
                break
            self.requests += 1
            await Cycle(self, request, state).run()
            if not await self._goes_on():
                break
        await self._leave()

    @property
    def is_last(self) -> bool:
        """Whether the client should be told that no other request of its will be answered."""
        return (
            self.requests >= self.config.keep_alive_max_requests
            or self.context.terminated.is_set()
            or self.http.they_are_waiting_for_100_continue  # it may send the body or not: nobody knows
        )

    async def _request(self) -> h11.Request | None:
        """The next one; None when there is none in time."""
        event = await self.event()
        if event is h11.NEED_DATA:
            event = await self._in_time()
        else:
            await trio.lowlevel.checkpoint()  # others are served between two requests that came together
        return event if isinstance(event, h11.Request) else None

    async def _in_time(self) -> Event:
        if self.context.terminated.is_set():
            return NO_MORE
        self.context.begin_idling(self)
        try:
            while (event := await self.event()) is h11.NEED_DATA:
                await self.await_bytes()
                self.take()
        finally:
            self.context.end_idling(self)
        return event

    async def _goes_on(self) -> bool:
        http = self.http
        if http.their_state is h11.SEND_BODY:
            await self.event()  # the end, as of every GET
        if http.their_state is h11.SEND_BODY and http.our_state is h11.DONE:
            await self._read_on()
        if self.lost or self.context.terminated.is_set():
            return False
        if http.our_state is not h11.DONE or http.their_state is not h11.DONE:
            return False
        http.start_next_cycle()
        return True

    async def _leave(self) -> None:
        if self.http.their_state in UNREAD:
            with suppress(trio.BrokenResourceError, trio.BusyResourceError, trio.ClosedResourceError):
                await self.stream.send_eof()
            await self._read_on()

    async def _read_on(self) -> None:
        """What nobody asked for: closing on bytes that are on their way would take from the client the answer
        that it has not read yet (RFC 9112, 9.6).
        """
        came = 0
        with trio.move_on_after(LINGER):
            while self.http.their_state in UNREAD and came < UNWANTED:
                if self.http.their_state is h11.ERROR or await self.event() is h11.NEED_DATA:
                    await self.await_bytes()
                    if not (size := self.take()):
                        break
                    came += size

    async def event(self) -> Event:
        """What h11 makes of the bytes that are there; a client that breaks the protocol is told so."""
        try:
            return self.http.next_event()
        except h11.RemoteProtocolError as error:
            await self.refuse(error.error_status_hint)
            return NO_MORE

    async def refuse(self, status: int) -> None:
        """Unless an answer has begun."""
        if self.http.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            return
        headers = [(b"content-length", b"0"), (b"connection", b"close"), *self.context.headers()]
        head = self.http.send(h11.Response(status_code=status, headers=headers))
        await self.write(head + self.http.send(h11.EndOfMessage()))

    async def await_bytes(self) -> None:
        """A client that may wait for our word before it sends a body is given it now."""
        if self.http.they_are_waiting_for_100_continue:
            await self.write(self.http.send(h11.InformationalResponse(status_code=100, headers=[])))
        with suppress(OSError, ValueError, trio.ClosedResourceError):  # `take` will find the end
            await trio.lowlevel.wait_readable(self._file)

    def take(self) -> int:
        """Give h11 what has come; no bytes at all are the end, which a client that is gone is too."""
        try:
            data = os.read(self._file, READ)
        except BlockingIOError:
            return 0  # the system was wrong
        except OSError:
            data = b""
        if self.http.their_state not in DEAF:
            self.http.receive_data(data)
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
