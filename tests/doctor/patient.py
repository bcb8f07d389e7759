"""A Document Server in full health, to which a test gives one ailment, and others who stand in its way."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
import trio

from infrastructure.standin.docx import read_docx
from tests.infrastructure.raw_server import Reply, Request, read, says
from tests.web.fake_server import SECRET, envelope, signed

OK = "200 OK"
LEEWAY = 60
Serve = Callable[[trio.abc.Stream, Request], Awaitable[None]]


@dataclass
class Patient:
    url: str = ""
    secret: str = SECRET  # that it checks with
    outbox: str | None = SECRET  # that it signs with; None: not at all
    checks: bool = True  # tokens
    ahead: float = 0.0  # seconds of its clock
    date_ahead: float = 0.0  # seconds of the clock of what stands before it
    version: str = "10.0.0.17"
    health: Reply | None = None  # instead of `true`
    prefix: str = ""  # under which it stands
    script: Reply = field(default_factory=lambda: says(OK, b"window.DocsAPI = {};"))
    fetches: bool = True
    converter: Any = None  # a number: its error; "hangs", "missing"
    result: bytes | None = None  # instead of what it was to make
    results_at: str = ""  # as it says
    calls: bool = True
    info: Any = 0  # its error; "hangs"
    forgotten: tuple[str, ...] = ()
    knows: str = "conv_doctor-"  # how keys that it knows begin
    _made: dict[str, bytes] = field(default_factory=dict)

    async def reply(self, stream: Any, request: Request) -> None:
        target = request.line.split(" ")[1]
        path = urlsplit(target).path
        if not path.startswith(self.prefix):
            await says("404 Not Found", b"nothing here")(stream, request)
            return
        answer = await self._answered(path.removeprefix(self.prefix), request)
        await (answer if callable(answer) else says(OK, json.dumps(answer).encode(), self._date()))(
            stream, request
        )

    async def _answered(self, path: str, request: Request) -> Reply | Mapping[str, Any]:
        match path:
            case "/healthcheck":
                return self.health or says(OK, b"true", self._date())
            case "/web-apps/apps/api/documents/api.js":
                return self.script
            case "/coauthoring/CommandService.ashx":
                return await self._command(request)
            case "/converter" if self.converter != "missing":
                return await self._convert(request)
        if path in self._made:
            return says(OK, self._made[path] if self.result is None else self.result)
        return says("404 Not Found", b"<html>no such page</html>")

    async def _command(self, request: Request) -> Mapping[str, Any]:
        claims, error = self._believed(request)
        if error:
            return {"error": error}
        match claims["c"]:
            case "version":
                return {"error": 0, "version": self.version}
            case "getForgottenList":
                return {"error": 0, "keys": list(self.forgotten)}
        return await self._info(claims)

    async def _info(self, claims: Mapping[str, Any]) -> Mapping[str, Any]:
        if self.info == "hangs":
            await trio.sleep_forever()
        if self.info or not claims["key"].startswith(self.knows):
            return {"error": self.info or 1, "key": claims["key"]}
        if self.calls:
            fields = {"key": claims["key"], "status": 4}
            headers, body = envelope(fields, self.outbox) if self.outbox else ({}, fields)
            if self.outbox:
                body |= {"token": signed(fields, self.outbox, age=-self.ahead)}
            await _sent("POST", claims["callback"], json=body, headers=headers)
        return {"error": 0, "key": claims["key"], "users": []}

    async def _convert(self, request: Request) -> Mapping[str, Any]:
        claims, error = self._believed(request)
        if error:
            return {"error": -8}
        content = await self._fetched(claims["url"]) if self.fetches else None
        if self.converter == "hangs":
            return {"endConvert": False, "percent": 0}
        if self.converter or content is None:
            return {"error": self.converter or -4}
        path = f"/cache/files/data/conv_{claims['key']}_69/output.txt/output.txt"
        self._made[path] = read_docx(content).encode()
        return {"endConvert": True, "percent": 100, "fileUrl": (self.results_at or self.url) + path}

    async def _fetched(self, url: str) -> bytes | None:
        token = signed({"payload": {"url": url}}, self.outbox) if self.outbox else ""
        response = await _sent("GET", url, headers={"Authorization": f"Bearer {token}"} if token else {})
        return response.content if response is not None and response.status_code == 200 else None

    def _believed(self, request: Request) -> tuple[Mapping[str, Any], int]:
        body = json.loads(request.body)
        if not self.checks:
            token = body.get("token")
            return jwt.decode(token, options={"verify_signature": False}) if token else body, 0
        try:
            claims = jwt.decode(body["token"], self.secret, ["HS256"], options={"verify_exp": False})
        except (jwt.InvalidTokenError, KeyError):
            return {}, 6
        return claims, 7 if claims["exp"] + LEEWAY < time.time() + self.ahead else 0

    def _date(self) -> str:
        return f"Date: {formatdate(time.time() + self.ahead + self.date_ahead, usegmt=True)}"


async def _sent(method: str, url: str, **more: Any) -> httpx.Response | None:
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            return await client.request(method, url, **more)
        except httpx.HTTPError:
            return None


async def serving(
    serve: Serve, tls: ssl.SSLContext | None, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
    """For ever; starts with the url at which each request is answered so, and its connection closed."""

    async def talk(stream: Any) -> None:
        try:
            await serve(stream, await read(stream))
        except (trio.BrokenResourceError, ssl.SSLError):
            pass  # whoever asked does not trust us, or has heard enough
        finally:
            await trio.aclose_forcefully(stream)

    listen = partial(trio.serve_ssl_over_tcp, ssl_context=tls) if tls else trio.serve_tcp
    async with trio.open_nursery() as nursery:
        listeners: Any = await nursery.start(partial(listen, talk, 0, host="127.0.0.1"))
        inner = getattr(listeners[0], "transport_listener", listeners[0])
        scheme = "https" if tls else "http"
        task_status.started(f"{scheme}://127.0.0.1:{inner.socket.getsockname()[1]}")


def proxy(target: str, *headers: tuple[str, str]) -> Serve:
    """Passes a GET on to another server, with these headers."""

    async def serve(stream: Any, request: Request) -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(target + request.line.split(" ")[1], headers=dict(headers))
        await says(f"{answer.status_code} x", answer.content)(stream, request)

    return serve
