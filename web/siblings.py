"""What is asked of all workers of this machine, or of a certain one of them, whichever it comes to.

Each worker has a door, a Unix socket in a folder that only its own user can enter.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path

import httpx
import trio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from application.ports import TooLarge
from application.tokens import LONGEST_CALLBACK
from web.bodies import whole
from web.errors import BadRequest
from web.gathering import GATHERED, READINESS, Answers
from web.guard import said_always

logger = logging.getLogger(__name__)

CLIENT = b"x-docledger-client"  # who really asks; believed only at the door
DOCTOR = ("/doctor", "/api/doctor")  # it remembers what it has found, and waits for its probes
IDLE = 10.0  # seconds without a byte of a body
CONNECTING = 1.0  # seconds
SHORT = 5.0  # seconds, for an answer
LONG = 60.0  # seconds, for an examination
OF_A_CONNECTION = {b"connection", b"keep-alive", b"transfer-encoding", b"content-length", b"date"}
SAID_ANYWAY = OF_A_CONNECTION | {b"x-request-id", *(name for name, _ in said_always("https:"))}


class Siblings:
    """All of us, ourselves included."""

    def __init__(self, folder: Path, number: int) -> None:
        self.number = number
        self._folder = folder

    def numbers(self) -> list[int]:
        try:
            names = [path.name for path in self._folder.iterdir()]
        except OSError:  # our parent has gone
            names = []
        return sorted({self.number, *(int(name) for name in names if name.isdecimal())})

    async def ask(self, number: int, scope: Scope, body: bytes) -> httpx.Response | None:
        """Over the door; None when nobody answers there."""
        seconds = SHORT if scope["method"] == "GET" else LONG
        client = str(scope["client"][0]) if scope.get("client") else ""
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        transport = httpx.AsyncHTTPTransport(uds=str(self._folder / str(number)), verify=False)
        timeout = httpx.Timeout(seconds, connect=CONNECTING)
        try:
            async with httpx.AsyncClient(transport=transport, trust_env=False, timeout=timeout) as http:
                url = httpx.URL("http://worker").copy_with(raw_path=scope["raw_path"] + query)
                headers = [*_without(CLIENT, scope["headers"]), (CLIENT, client.encode())]
                return await http.request(scope["method"], url, headers=headers, content=body)
        except httpx.HTTPError as trouble:
            logger.warning("worker %d does not answer: %s", number, trouble or type(trouble).__name__)
            return None


class Together:
    """Pure ASGI, around a worker's application."""

    def __init__(self, app: ASGIApp, siblings: Siblings) -> None:
        self._app = app
        self._siblings = siblings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope.get("client") is None:
            await self._app(_let_in(scope), receive, send)
        elif scope["path"] in GATHERED:
            scope["route"] = Route(scope["path"], self._answer)  # a scrape is no news here either
            await (await self._answer(scope, receive))(scope, receive, send)
        elif scope["path"].startswith(DOCTOR):
            await (await self._answer(scope, receive))(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        try:
            body = await whole(Request(scope, receive), LONGEST_CALLBACK, IDLE)
        except (BadRequest, TooLarge) as bad:
            return JSONResponse({"message": str(bad), "code": "bad_request"}, 400)
        gather = GATHERED.get(scope["path"])
        return await (self._gathered(gather, scope, body) if gather else self._first(scope, body))

    async def _gathered(self, gather: Callable[[Answers], Response], scope: Scope, body: bytes) -> Response:
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        plain = {**scope, "method": method, "headers": _without(b"accept", scope["headers"])}
        answers: dict[int, httpx.Response | None] = {}

        async def ask(number: int) -> None:
            answers[number] = await self._siblings.ask(number, plain, body)

        async with trio.open_nursery() as nursery:
            for number in self._siblings.numbers():
                nursery.start_soon(ask, number)
        told = [answer for answer in answers.values() if answer]
        fine = {200, 503} if scope["path"] == READINESS else {200}
        refused = next((answer for answer in told if answer.status_code not in fine), None)
        if refused or not told:
            return _passed_on(refused)
        return gather(dict(sorted(answers.items())))

    async def _first(self, scope: Scope, body: bytes) -> Response:
        """Of those that answer."""
        for number in self._siblings.numbers():
            if answer := await self._siblings.ask(number, scope, body):
                return _passed_on(answer)
        return _passed_on(None)


def _let_in(scope: Scope) -> Scope:
    """At the door the client is whoever our sibling says; empty for one without an address."""
    told = next((value for name, value in scope["headers"] if name == CLIENT), b"")
    client = (told.decode("latin-1"), 0) if told else None
    return {**scope, "client": client, "headers": _without(CLIENT, scope["headers"])}


def _passed_on(answer: httpx.Response | None) -> Response:
    if answer is None:
        return JSONResponse({"message": "No worker answers. Try again.", "code": "unavailable"}, 503)
    response = Response(answer.content, answer.status_code)
    headers = [(name.lower(), value) for name, value in answer.headers.raw]
    length = (b"content-length", b"%d" % len(answer.content))
    response.raw_headers = [length, *(each for each in headers if each[0] not in SAID_ANYWAY)]
    return response


def _without(name: bytes, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(each, value) for each, value in headers if each not in {name, *OF_A_CONNECTION}]
