"""A server that says exactly the bytes it is told to, so that a test can cut, lie and stall."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import trio


@dataclass
class Request:
    line: str
    headers: dict[str, str]
    body: bytes


Reply = Callable[[trio.SocketStream, Request], Awaitable[None]]


@dataclass
class RawServer:
    """Replies in turn to the requests of all connections; the last reply goes on for ever."""

    url: str = ""
    replies: list[Reply] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    async def talk(self, stream: trio.SocketStream) -> None:
        request = await read(stream)
        self.requests.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        try:
            await reply(stream, request)
        except trio.BrokenResourceError:
            pass  # the client has heard enough
        finally:
            await trio.aclose_forcefully(stream)


async def read(stream: trio.SocketStream) -> Request:
    data = b""
    while b"\r\n\r\n" not in data:
        data += await stream.receive_some()
    head, _, body = data.partition(b"\r\n\r\n")
    line, *rest = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (text.partition(":") for text in rest)}
    while len(body) < int(headers.get("content-length", "0")):
        body += await stream.receive_some()
    return Request(line, headers, body)


def says(status: str, body: bytes = b"", *headers: str, length: int | None = None) -> Reply:
    """`length` is what Content-Length claims; a negative one leaves it out."""
    claimed = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", "Connection: close", *headers]
    lines += [f"Content-Length: {claimed}"] if claimed >= 0 else []

    async def reply(stream: trio.SocketStream, _: Request) -> None:
        await stream.send_all("\r\n".join([*lines, "", ""]).encode() + body)

    return reply


def answers(**fields: object) -> Reply:
    return says("200 OK", json.dumps(fields).encode(), "Content-Type: application/json")


def stalls(after: bytes = b"") -> Reply:
    async def reply(stream: trio.SocketStream, _: Request) -> None:
        await stream.send_all(after)
        await trio.sleep_forever()

    return reply


@asynccontextmanager
async def running(*replies: Reply) -> AsyncIterator[RawServer]:
    async with trio.open_nursery() as nursery:
        server = RawServer(replies=list(replies))
        listeners: list[trio.SocketListener] = await nursery.start(
            partial(trio.serve_tcp, server.talk, 0, host="127.0.0.1")
        )
        server.url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        yield server
        nursery.cancel_scope.cancel()
