"""What a client is still sending when it is answered is read and thrown away.

Otherwise it would not hear the answer, and Hypercorn would wait for ever to hand us the rest.
"""

from __future__ import annotations

import trio
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.connections import WHOLE

LINGER = 30.0  # seconds, for a client to finish before it is cut off


class Unread:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope.get(WHOLE) is None and _has_body(scope):
            rest = _Rest(receive)
            await self._app(scope, rest.receive, rest.before(send))
        else:
            await self._app(scope, receive, send)


class _Rest:
    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._over = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._over = message["type"] == "http.disconnect" or not message.get("more_body", False)
        return message

    def before(self, send: Send) -> Send:
        async def send_after(message: Message) -> None:
            if message["type"] == "http.response.start" and not self._over:
                with trio.move_on_after(LINGER):
                    await self._discard()
            if self._over:
                await send(message)
                return
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._discard)
                await send(message)
                nursery.cancel_scope.cancel()

        return send_after

    async def _discard(self) -> None:
        while not self._over:
            await self.receive()


def _has_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
