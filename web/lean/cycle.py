"""One request and its answer, as the application meets them (ASGI: asgi.readthedocs.io, HTTP)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import trio
from hypercorn.protocol.http_stream import ASGIHTTPState
from hypercorn.typing import ConnectionState
from hypercorn.utils import UnexpectedMessageError

from web.connections import SEVER, WHOLE
from web.lean.answering import Answer
from web.lean.parsing import END, Fault, Head

if TYPE_CHECKING:
    from web.lean.connection import Lean

Message = Any  # of ASGI: a dictionary

GONE = {"type": "http.disconnect"}


class Cycle:
    def __init__(self, connection: Lean, request: Head, state: ConnectionState) -> None:
        path, _, query = request.target.partition(b"?")
        self.scope: Any = {
            "type": "http",
            "http_version": request.version,
            "asgi": {"spec_version": "2.1", "version": "3.0"},
            "method": request.method,
            "scheme": "http",
            "path": unquote(path.decode("ascii")),
            "raw_path": path,
            "query_string": query,
            "root_path": connection.config.root_path,
            "headers": request.headers,
            "client": connection.client,
            "server": connection.server,
            "state": state.copy(),
            "extensions": {},
            SEVER: connection.stream.socket.close,
            WHOLE: connection.parser.body,
        }
        self.answer: Answer | None = None  # that has begun
        self._connection = connection
        self._request = request
        self._state = ASGIHTTPState.REQUEST
        self._over = self._left = False  # answered; and no longer the application's
        self._head = b""  # held back
        self._waiting: trio.CancelScope | None = None  # for bytes

    async def run(self) -> None:
        connection = self._connection
        try:
            await connection.app(
                self.scope, self._receive, self._send, trio.to_thread.run_sync, trio.from_thread.run
            )
        except Exception:
            await connection.config.log.exception("Error in ASGI Framework")
        if self._state is ASGIHTTPState.REQUEST and not connection.broken:
            await connection.refuse(500)
        await self.flush()
        self._end()
        self._left = True

    def _end(self) -> None:
        self._over, self._state = True, ASGIHTTPState.CLOSED
        if self._waiting is not None:
            self._waiting.cancel()

    async def flush(self) -> None:
        """Send the head if it has been held back until now."""
        if head := self._take_head():
            await self._connection.write(head)

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if self._connection.broken:
            return  # the client has been told
        if kind == "http.response.start" and self._state is ASGIHTTPState.REQUEST:
            self._begin(message)
        elif kind == "http.response.body" and self._state is ASGIHTTPState.RESPONSE:
            await self._go_on(message.get("body", b""), message.get("more_body", False))
        else:
            raise UnexpectedMessageError(self._state, kind)

    def _begin(self, message: Message) -> None:
        connection, request = self._connection, self._request
        headers = [*message.get("headers", ()), *connection.context.headers()]
        last = connection.is_last or not request.goes_on
        self.answer = Answer(request.method, request.version, int(message["status"]), headers, last=last)
        self._head = self.answer.head
        self._state = ASGIHTTPState.RESPONSE
        connection.waits = False
        connection.context.hold(self)

    async def _go_on(self, body: bytes, more: bool) -> None:
        answer, pieces = self.answer, list[bytes]()
        assert answer is not None, "it has begun"
        try:
            pieces += answer.piece(bytes(body))
            if not more:
                pieces += answer.end()
        finally:  # what fits goes out, also when the application says less or more than it promised
            if head := self._take_head():
                pieces.insert(0, head)
            await self._connection.write(*pieces)
        if more:
            await trio.lowlevel.cancel_shielded_checkpoint()  # who sends all day shares the day
        else:
            self._end()

    def _take_head(self) -> bytes:
        self._connection.context.release(self)
        head, self._head = self._head, b""
        return head

    async def _receive(self) -> Message:
        if not (self._left or self._has_news):
            await self._wait()
        if self._left or not self._has_news or self._connection.whole:
            return GONE
        return await self._heard()

    @property
    def _has_news(self) -> bool:
        """For this request: what follows it is nobody's here, but that nothing does is."""
        connection, parser = self._connection, self._connection.parser
        if connection.whole:
            return parser.ended and not parser.events
        return bool(parser.events)

    async def _wait(self) -> None:
        """For more of the body; after it, for the client to leave or the answer to be over."""
        connection = self._connection
        async with connection.reading:
            with trio.CancelScope() as self._waiting:
                while not (self._over or self._has_news):
                    if connection.parser.events:  # another request, which has time
                        await trio.sleep_forever()
                    await connection.await_bytes()
                    if not self._over:  # else they are the next request's
                        connection.take()

    async def _heard(self) -> Message:
        connection, events, body = self._connection, self._connection.parser.events, list[bytes]()
        if isinstance(fault := events[0], Fault):
            if self.answer is None and not connection.broken:
                await connection.refuse(fault.status)
            connection.broken = True
            return GONE
        connection.waits = False
        while events and isinstance(part := events[0], bytes):
            body.append(part)
            events.popleft()
        if events and events[0] is END:
            events.popleft()
            connection.whole = True
        return {"type": "http.request", "body": b"".join(body), "more_body": not connection.whole}
