"""Downloads and commands that suffer the faults ordered for them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import trio
from hypercorn.events import Closed
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from .commands import command_service, read_command
from .downloads import download
from .faults import Fault
from .results import key_of
from .server import Standin
from .tokens import TokenExpired, TokenInvalid

GARBAGE = "<!doctype html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>"


async def spoilt_download(request: Request) -> Response:
    response = await download(request)
    standin: Standin = request.app.state.standin
    fault = standin.faults.take("download", key_of(request.url.path)) if request.method == "GET" else None
    return await _spoil(response, fault) if fault else response


async def spoilt_command(request: Request) -> Response:
    standin: Standin = request.app.state.standin
    at = standin.now()
    asked: Mapping[str, Any] = {}
    with suppress(TokenInvalid, TokenExpired):
        asked = await read_command(request)
    response = await _answer(request, standin.faults.take("command", str(asked.get("key"))))
    if asked.get("c") == "forcesave":
        said = json.loads(bytes(response.body))["error"] if isinstance(response, JSONResponse) else None
        host = request.headers.get("host")
        standin.forcesaves.add({"at": at, "host": host, "key": asked.get("key"), "error": said})
    return response


async def _answer(request: Request, fault: Fault | None) -> Response:
    if fault and fault.kind != "delay":
        return await _spoil(Response(), fault)
    if fault:
        await trio.sleep(fault.seconds)
    return await command_service(request)


async def _spoil(response: Response, fault: Fault) -> Response:
    match fault.kind:
        case "refuse":
            return Cut(None, 0)
        case "cut":
            return Cut(response, 0)
        case "stall":
            return Cut(response, fault.seconds)
        case "error":
            return PlainTextResponse("Internal Server Error", 500 if fault.where == "command" else 503)
        case "gone":
            return PlainTextResponse("Gone", 410)
        case "garbage":
            return HTMLResponse(GARBAGE)
    await trio.sleep(fault.seconds)
    return response


class Cut(Response):
    """Half of a response, or nothing at all, and then the connection is closed."""

    def __init__(self, whole: Response | None, pause: float) -> None:
        super().__init__()
        self.whole, self.pause = whole, pause

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        if self.whole:
            half = bytes(self.whole.body)[: len(self.whole.body) // 2]
            start = {"status": self.whole.status_code, "headers": self.whole.raw_headers}
            await send({"type": "http.response.start", **start})
            await send({"type": "http.response.body", "body": half, "more_body": True})
            await trio.sleep(self.pause)
        await scope["standin.hang_up"]()


def able_to_hang_up(app: ASGIApp) -> ASGIApp:
    """ASGI has no word for a connection closed without a reply, so this reaches into Hypercorn."""

    async def hanging(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            stream: Any = send.__self__  # type: ignore[attr-defined]
            connection: Callable[[Closed], Awaitable[None]] = stream.send.__self__.send

            async def hang_up() -> None:
                await connection(Closed())

            scope["standin.hang_up"] = hang_up
        await app(scope, receive, send)

    return hanging
