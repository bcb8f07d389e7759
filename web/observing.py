"""Every request: its id, what every answer says, what the log says of it, and how it is counted."""

from __future__ import annotations

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from application import about
from application.observing import Metrics
from web.context import Context
from web.gate import LIMITS
from web.guard import completed

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
        exchange = Exchange(scope, send, id_, context.metrics)
        try:
            await self._app(scope, receive, exchange.send)
        finally:
            exchange.end()


class Exchange:
    """A request and what is sent for it. It is over with its last message, and told before that goes out."""

    __slots__ = ("_began", "_id", "_metrics", "_over", "_scope", "_send", "_size", "_status")

    def __init__(self, scope: Scope, send: Send, id_: str, metrics: Metrics) -> None:
        self._scope, self._send, self._id, self._metrics = scope, send, id_.encode(), metrics
        self._began = time.perf_counter()
        self._status: int | None = None
        self._size = 0  # bytes of the body
        self._over = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = completed(self._scope, message.get("headers", ()))
            headers += *self._scope["state"].get(LIMITS, ()), (b"x-request-id", self._id)
            message = {**message, "headers": headers}
        else:
            self._size += len(message.get("body", b""))
            if not message.get("more_body", False):
                self.end()
        await self._send(message)

    def end(self) -> None:
        if self._over:
            return
        self._over = True
        seconds = time.perf_counter() - self._began
        route = getattr(self._scope.get("route"), "path", "other")
        self._metrics.requested(route, self._scope["method"], self._status, seconds)
        level = logging.DEBUG if route in POLLED else logging.INFO
        if logger.isEnabledFor(level):
            self._log(level, route, seconds)

    def _log(self, level: int, route: str, seconds: float) -> None:
        """Without the query: links carry their tokens there."""
        method, path = self._scope["method"], self._scope["path"][:LONGEST]
        said = {"method": method, "path": path, "route": route, "status": self._status}
        extra = {**said, "ms": round(1000 * seconds, 1), "bytes": self._size}
        logger.log(level, "%s %s %s", method, path, self._status or "unanswered", extra=extra)
