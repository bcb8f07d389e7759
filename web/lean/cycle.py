"""One request and its answer, as the application meets them: ASGI over h11 (asgi.readthedocs.io, HTTP)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import h11
import trio
from hypercorn.protocol.http_stream import ASGIHTTPState
from hypercorn.typing import ConnectionState
from hypercorn.utils import UnexpectedMessageError, suppress_body

from web.connections import SEVER
from web.lean.head import head_of

if TYPE_CHECKING:
    from web.lean.connection import Event, Lean

Message = Any  # of ASGI: a dictionary

GONE = {"type": "http.disconnect"}


class Cycle:
    def __init__(self, connection: Lean, request: h11.Request, state: ConnectionState) -> None:
        path, _, query = request.target.partition(b"?")
        self.scope: Any = {
            "type": "http",
            "http_version": request.http_version.decode("ascii"),
            "asgi": {"spec_version": "2.1", "version": "3.0"},
            "method": request.method.decode("ascii").upper(),
            "scheme": "http",
            "path": unquote(path.decode("ascii")),
            "raw_path": path,
            "query_string": query,
            "root_path": connection.config.root_path,
            "headers": list(request.headers),
            "client": connection.client,
            "server": connection.server,
            "state": state.copy(),
            "extensions": {},
            SEVER: connection.stream.socket.close,
        }
        self._connection = connection
        self._state = ASGIHTTPState.REQUEST
        self._over = self._left = False  # answered; and no longer the application's
        self._head = b""  # held back
        self._bodiless = False
        self._ahead: Event | None = None  # of the body, and not handed out yet
        self._waiting: trio.CancelScope | None = None  # for bytes

    async def run(self) -> None:
        connection = self._connection
        try:
            await connection.app(
                self.scope, self._receive, self._send, trio.to_thread.run_sync, trio.from_thread.run
            )
        except Exception:
            await connection.config.log.exception("Error in ASGI Framework")
        if self._state is ASGIHTTPState.REQUEST:
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
        if self._connection.http.their_state is h11.ERROR:
            return  # the client has been told
        if kind == "http.response.start" and self._state is ASGIHTTPState.REQUEST:
            self._begin(message)
        elif kind == "http.response.body" and self._state is ASGIHTTPState.RESPONSE:
            await self._go_on(message.get("body", b""), message.get("more_body", False))
        else:
            raise UnexpectedMessageError(self._state, kind)

    def _begin(self, message: Message) -> None:
        connection, status = self._connection, int(message["status"])
        headers = [*message.get("headers", ()), *connection.context.headers()]
        if connection.is_last:
            headers.append((b"connection", b"close"))
        self._head = head_of(connection.http, status, headers)
        self._bodiless = suppress_body(self.scope["method"], status)
        self._state = ASGIHTTPState.RESPONSE
        connection.context.hold(self)

    async def _go_on(self, body: bytes, more: bool) -> None:
        send, pieces = self._connection.http.send, []
        try:
            if body and not self._bodiless:
                pieces.append(send(h11.Data(data=bytes(body))))
            if not more:
                pieces.append(send(h11.EndOfMessage()))
        finally:  # what fits goes out, also when the application says less or more than it promised
            await self._connection.write(*filter(None, [self._take_head(), *pieces]))
        if more:
            await trio.lowlevel.cancel_shielded_checkpoint()  # who sends all day shares the day
        else:
            self._end()

    def _take_head(self) -> bytes:
        self._connection.context.release(self)
        head, self._head = self._head, b""
        return head

    async def _receive(self) -> Message:
        event = await self._next()
        if event is h11.NEED_DATA or event is h11.PAUSED:
            event = await self._wait()
        if isinstance(event, h11.Data):
            following = await self._next()
            last = isinstance(following, h11.EndOfMessage)
            self._ahead = None if last else following
            return {"type": "http.request", "body": bytes(event.data), "more_body": not last}
        if isinstance(event, h11.EndOfMessage):
            return {"type": "http.request", "body": b"", "more_body": False}
        return GONE

    async def _wait(self) -> Event:
        """For more of the body; after it, for the client to leave or the answer to be over."""
        connection = self._connection
        async with connection.reading:
            with trio.CancelScope() as self._waiting:
                while not self._over:
                    event = await self._next()
                    if event is h11.PAUSED:  # another request, which has time
                        await trio.sleep_forever()
                    if event is not h11.NEED_DATA:
                        return event
                    await connection.await_bytes()
                    if self._over:  # they are the next request's
                        break
                    if not connection.take() and connection.http.their_state is h11.MUST_CLOSE:
                        break
        return h11.PAUSED

    async def _next(self) -> Event:
        if (event := self._ahead) is not None:
            self._ahead = None
            return event
        if self._left:  # what comes now is the next request's
            return h11.PAUSED
        if self._connection.http.their_state is h11.MUST_CLOSE:  # what follows the last request is ignored
            return h11.NEED_DATA
        return await self._connection.event()
