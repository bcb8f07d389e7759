"""Every request: its id, what the log says of it, and how it is counted."""

from __future__ import annotations

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from application import about
from web.context import Context

logger = logging.getLogger("web.requests")

ID = "request_id"  # in `request.state`
POLLED = frozenset({"/healthz", "/readyz", "/metrics", "/static"})  # routes that are no news
LONGEST = 200  # characters of a path in the log


class Observed:
    """Outermost, so that what every other layer answers is seen too; pure ASGI."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        context: Context = scope["state"]["context"]
        id_ = scope["state"][ID] = context.request_id(scope)
        about.only(request=id_)
        response = Response(send, id_)
        began = time.perf_counter()
        try:
            await self._app(scope, receive, response.send)
        finally:
            seconds = time.perf_counter() - began
            route = getattr(scope.get("route"), "path", "other")
            context.metrics.requested(route, scope["method"], response.status, seconds)
            _log(scope, route, response, seconds)


class Response:
    """What went out."""

    __slots__ = ("_id", "_send", "size", "status")

    def __init__(self, send: Send, id_: str) -> None:
        self._send, self._id = send, id_.encode()
        self.status: int | None = None
        self.size = 0  # bytes of its body

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": [*message.get("headers", ()), (b"x-request-id", self._id)]}
        else:
            self.size += len(message.get("body", b""))
        await self._send(message)


def _log(scope: Scope, route: str, response: Response, seconds: float) -> None:
    """Without the query: links carry their tokens there."""
    level = logging.DEBUG if route in POLLED else logging.INFO
    if logger.isEnabledFor(level):
        path, ms = scope["path"][:LONGEST], round(1000 * seconds, 1)
        said = {"method": scope["method"], "path": path, "route": route, "status": response.status}
        extra = {**said, "ms": ms, "bytes": response.size}
        logger.log(level, "%s %s %s", scope["method"], path, response.status or "unanswered", extra=extra)
