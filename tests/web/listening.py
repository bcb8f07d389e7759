"""Clients of the event stream: one that listens, and one that has stopped to."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import h11
import trio

from tests.web.service import DEADLINE, Service, sign_in

EVENTS = "/api/events"
NONE: Mapping[str, str] = {}


class Over(Exception):
    """The stream has come to its end."""


@dataclass
class Told:
    id: int
    event: str
    data: dict[str, Any]


@dataclass
class Listener:
    """`begun` is where the stream said that it begins; it does so at once."""

    stream: trio.SocketStream
    http: h11.Connection = field(default_factory=lambda: h11.Connection(h11.CLIENT))
    headers: dict[str, str] = field(default_factory=dict)
    begun: Told = field(default_factory=lambda: Told(0, "", {}))
    _text: str = ""

    async def ask(self, target: str, headers: Mapping[str, str]) -> int:
        request = h11.Request(method="GET", target=target, headers=[("Host", "localhost"), *headers.items()])
        await self.stream.send_all(self.http.send(request) + self.http.send(h11.EndOfMessage()))
        response = await self._heard()
        assert isinstance(response, h11.Response)
        self.headers = {name.decode(): value.decode() for name, value in response.headers}
        return response.status_code

    async def next(self) -> Told:
        """Raises Over; h11.RemoteProtocolError, trio.BrokenResourceError when it is cut."""
        while True:
            message, found, rest = self._text.partition("\n\n")
            if not found:
                await self._more()
                continue
            self._text = rest
            fields = dict(line.split(": ", 1) for line in message.split("\n") if not line.startswith(":"))
            if "data" in fields:
                return Told(int(fields["id"]), fields["event"], json.loads(fields["data"]))

    async def types(self, count: int) -> list[str]:
        return [(await self.next()).event for _ in range(count)]

    async def until(self, event: str) -> Told:
        while (told := await self.next()).event != event:
            pass
        return told

    async def _more(self) -> None:
        heard = await self._heard()
        if isinstance(heard, h11.EndOfMessage):
            raise Over
        assert isinstance(heard, h11.Data)
        self._text += heard.data.decode()

    async def _heard(self) -> h11.Event:
        while (event := self.http.next_event()) is h11.NEED_DATA:
            with trio.fail_after(DEADLINE):
                self.http.receive_data(await self.stream.receive_some())
        assert isinstance(event, h11.Event)
        return event


@asynccontextmanager
async def heard(url: str, query: str = "", headers: Mapping[str, str] = NONE) -> AsyncIterator[Listener]:
    host, _, port = url.removeprefix("http://").partition(":")
    stream = await trio.open_tcp_stream(host, int(port))
    try:
        listener = Listener(stream)
        assert await listener.ask(EVENTS + query, headers) == 200
        listener.begun = await listener.next()
        yield listener
    finally:
        await trio.aclose_forcefully(stream)


@asynccontextmanager
async def listening(
    service: Service, query: str = "", *, by: str = "ada", last: int | None = None
) -> AsyncIterator[Listener]:
    headers = {"Authorization": f"Bearer {_token(by)}"}
    if last is not None:
        headers["Last-Event-ID"] = str(last)
    async with heard(service.url, query, headers) as listener:
        yield listener


@contextmanager
def deaf(service: Service, path: str, by: str = "ada") -> Iterator[socket.socket]:
    """A connection that asks and never reads the answer."""
    host, _, port = service.url.removeprefix("http://").partition(":")
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((host, int(port)))
        request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {_token(by)}\r\n\r\n"
        connection.sendall(request.encode())
        yield connection


def _token(by: str) -> str:
    role, _, user = by.rpartition(":")
    return sign_in(user, role=role)
