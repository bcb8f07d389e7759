"""Ending a connection under a send: Hypercorn shields what it sends from every deadline and cancellation.

A client that takes nothing would otherwise hold its request for ever, and with it the end of the service.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

logger = logging.getLogger(__name__)

SEVER = "docledger.sever"  # ends the connection that a request came over: a key of the ASGI scope


class Severable:
    """The outermost of the application: only there does `send` lead to the connection."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._unfinished: set[Send] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope[SEVER] = partial(_sever, send)
        self._unfinished.add(send)
        try:
            await self._app(scope, receive, send)
        finally:
            self._unfinished.discard(send)

    def sever_all(self) -> None:
        for send in self._unfinished:
            _sever(send)


def _sever(send: Any) -> None:
    """A request's `send` belongs to its HTTPStream, which sends through a protocol, which sends through
    the TCPServer of the connection.
    """
    try:
        stream = send.__self__.send.__self__.send.__self__.stream
    except AttributeError:
        logger.error("a connection cannot be ended: this Hypercorn is put together differently")
    else:
        getattr(stream, "transport_stream", stream).socket.close()
