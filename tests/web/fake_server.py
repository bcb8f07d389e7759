"""A Document Server that does exactly what a test tells it to, and writes down what it was asked."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import jwt
import trio

from tests.infrastructure.raw_server import Reply, Request, running, says

SECRET = "the Document Server's own secret"
STRANGER = "the secret of somebody else altogether"
CONVERTER_PATH = "/converter"
COMMAND_PATH = "/coauthoring/CommandService.ashx"
HEADER_LIMIT = 7168  # characters of the header's token, from which on history and changesurl are cut
CUT_IN = frozenset({2, 3, 6, 7})

Answering = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]


def signed(claims: Mapping[str, Any], secret: str = SECRET, age: float = 0) -> str:
    issued = int(time.time() - age)
    return jwt.encode({**claims, "iat": issued, "exp": issued + 300}, secret, "HS256")


def envelope(claims: Mapping[str, Any], secret: str = SECRET) -> tuple[dict[str, str], dict[str, Any]]:
    """Headers and body as a server sends them: both tokens, and the cut of what makes them long."""
    plain = dict(claims)
    header = signed({"payload": plain}, secret)
    if plain.get("status") in CUT_IN and len(header) >= HEADER_LIMIT:
        plain = {name: value for name, value in plain.items() if name != "changesurl"} | {"history": {}}
        header = signed({"payload": plain}, secret)
    body = {**plain, "token": signed(claims, secret)}
    return {"Authorization": f"Bearer {header}", "User-Agent": "Node.js/6.13"}, body


@dataclass
class FakeServer:
    url: str = ""
    secret: str = SECRET  # that commands are to be signed with
    commands: list[dict[str, Any]] = field(default_factory=list)
    fetches: list[str] = field(default_factory=list)
    conversions: list[dict[str, Any]] = field(default_factory=list)
    conversion: Mapping[str, Any] = field(default_factory=lambda: {"error": -3})  # what it answers to all
    tokens: list[str] = field(default_factory=list)  # of commands, as they came
    _results: dict[str, list[Reply]] = field(default_factory=dict)
    _answers: dict[str, Answering] = field(default_factory=dict)

    def result(self, path: str, *replies: Reply | bytes) -> str:
        """A result's url; its replies come in turn and the last goes on for ever."""
        path = f"/cache/files/data/{path}/output.docx/output.docx" if not path.startswith("/") else path
        self._results[path] = [r if callable(r) else says("200 OK", r) for r in replies]
        return self.fresh(path)

    def fresh(self, path: str) -> str:
        """The url of a result, signed anew."""
        now = time.time()
        return f"{self.url}{path}?md5={now}&expires={int(now) + 900}&filename=output.docx"

    def converts(self, content: bytes) -> None:
        """Whatever it is to convert becomes this."""
        url = self.result(f"conv_{len(self.conversions)}", content)
        self.conversion = {"endConvert": True, "fileUrl": url, "percent": 100}

    def answer(self, command: str, answering: Answering) -> None:
        self._answers[command] = answering

    def asked(self, command: str) -> list[dict[str, Any]]:
        return [each for each in self.commands if each.get("c") == command]

    async def reply(self, stream: trio.SocketStream, request: Request) -> None:
        path = urlsplit(request.line.split(" ")[1]).path
        if path == COMMAND_PATH:
            answer = await self._answered(request.body)
            await says("200 OK", json.dumps(answer).encode())(stream, request)
            return
        if path == CONVERTER_PATH:
            await says("200 OK", json.dumps(self._converted(request.body)).encode())(stream, request)
            return
        self.fetches.append(path)
        replies = self._results.get(path, [says("404 Not Found")])
        await (replies.pop(0) if len(replies) > 1 else replies[0])(stream, request)

    def _converted(self, body: bytes) -> Mapping[str, Any]:
        try:
            self.conversions.append(jwt.decode(json.loads(body)["token"], SECRET, ["HS256"]))
        except (jwt.InvalidTokenError, KeyError):
            return {"error": -8}
        return self.conversion

    async def _answered(self, body: bytes) -> dict[str, Any]:
        try:
            plain = json.loads(body)  # all there is, when the service is told that this server does not sign
            self.tokens += [plain["token"]] if "token" in plain else []
            command = jwt.decode(plain["token"], self.secret, ["HS256"]) if "token" in plain else plain
        except jwt.InvalidTokenError:
            return {"error": 6}
        self.commands.append(command)
        if command["c"] in self._answers:
            return await self._answers[command["c"]](command)
        error = 4 if command["c"] == "forcesave" else 0  # nothing new to save, until a test says so
        return {"error": error, **({"key": command["key"]} if "key" in command else {})}


def withheld(gate: trio.Event, reply: Reply) -> Reply:
    """Bytes that do not come before the gate is opened."""

    async def wait(stream: trio.SocketStream, request: Request) -> None:
        await gate.wait()
        await reply(stream, request)

    return wait


@asynccontextmanager
async def document_server() -> AsyncIterator[FakeServer]:
    fake = FakeServer()
    async with running(fake.reply) as raw:
        fake.url = raw.url
        yield fake
