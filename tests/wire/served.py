"""A bare ASGI application behind one kind of connection, and clients that write whatever bytes they like."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, cast

import trio
from hypercorn.config import Config
from hypercorn.typing import ASGIFramework

from web.connections import Connection
from web.serving import listen

PATIENCE = 20.0  # seconds of the real clock until a test has failed
READ = 64 * 1024

Application = Callable[[Any, Any, Any], Awaitable[None]]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    whole: bool = True


@dataclass
class Client:
    stream: trio.SocketStream
    _said: bytes = b""

    async def send(self, *data: bytes) -> None:
        await self.stream.send_all(b"".join(data))

    async def half_close(self) -> None:
        await self.stream.send_eof()

    async def heard(self) -> bytes:
        """What comes next, by itself: nothing at the end."""
        with trio.fail_after(PATIENCE):
            return bytes(await self.stream.receive_some(READ))

    async def until(self, enough: bytes) -> bytes:
        """What is said until then, and is not said again."""
        while enough not in self._said:
            chunk = await self.heard()
            assert chunk, f"the connection ended after {self._said!r}"
            self._said += chunk
        before, _, self._said = self._said.partition(enough)
        return before + enough

    async def answer(self, method: str = "GET") -> Answer:
        """The next one, however it is framed."""
        head = await self.until(b"\r\n\r\n")
        status, headers = read_head(head)
        if method == "HEAD" or status in {204, 304} or status < 200:
            return Answer(status, headers, b"")
        if headers.get("transfer-encoding") == "chunked":
            return Answer(status, headers, b"".join([chunk async for chunk in self._chunks()]))
        if "content-length" not in headers:
            return Answer(status, headers, await self.rest())
        return Answer(status, headers, await self.exactly(int(headers["content-length"])))

    async def exactly(self, size: int) -> bytes:
        while len(self._said) < size:
            chunk = await self.heard()
            assert chunk, f"cut off after {len(self._said)} of {size} bytes"
            self._said += chunk
        taken, self._said = self._said[:size], self._said[size:]
        return taken

    async def rest(self) -> bytes:
        """Up to the end of the connection, which may be rude."""
        try:
            while chunk := await self.heard():
                self._said += chunk
        except trio.BrokenResourceError:
            pass
        said, self._said = self._said, b""
        return said

    async def _chunks(self) -> AsyncIterator[bytes]:
        while size := int(await self.until(b"\r\n"), 16):
            yield await self.exactly(size)
            assert await self.until(b"\r\n") == b"\r\n"
        await self.until(b"\r\n")


def read_head(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    return int(first.split(" ")[1]), {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }


def answers(said: bytes, methods: Iterator[str]) -> list[Answer]:
    """Everything that was said on one connection; the last one may be cut."""
    found = []
    while said:
        head, ended, said = said.partition(b"\r\n\r\n")
        status, headers = read_head(head)
        if status < 200:
            continue
        method = next(methods)
        if method == "HEAD" or status in {204, 304}:
            found.append(Answer(status, headers, b"", bool(ended)))
        elif headers.get("transfer-encoding") == "chunked":
            body, whole, said = dechunked(said)
            found.append(Answer(status, headers, body, whole))
        else:
            size = int(headers.get("content-length", len(said)))
            found.append(Answer(status, headers, said[:size], len(said) >= size))
            said = said[size:]
    return found


def dechunked(said: bytes) -> tuple[bytes, bool, bytes]:
    """A body, whether it has come to its end, and what follows."""
    body = b""
    while said:
        size, _, said = said.partition(b"\r\n")
        body, said = body + said[: int(size, 16)], said[int(size, 16) + 2 :]
        if size == b"0":
            return body, True, said
    return body, False, b""


@dataclass
class Served:
    port: int
    stop: trio.Event
    over: trio.Event = field(default_factory=trio.Event)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        try:
            yield Client(stream)
        finally:
            await trio.aclose_forcefully(stream)

    async def said(self, *data: bytes) -> bytes:
        """All that is answered to these bytes, on a connection of their own."""
        async with self.client() as client:
            with suppress(trio.BrokenResourceError):  # it has heard enough
                await client.send(*data)
                await client.half_close()
            return await client.rest()


Serve = Callable[..., Awaitable[Served]]


async def serve(
    kind: type[Connection], nursery: trio.Nursery, application: Application, **given: Any
) -> Served:
    """On a free port, with Hypercorn's settings as `given`."""
    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.errorlog = logging.getLogger("hypercorn.error")
    config.include_server_header = False
    config.h11_max_incomplete_size = 16 * 1024
    for name, value in given.items():
        setattr(config, name, value)
    served = Served(0, trio.Event())

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await (application if scope["type"] == "http" else _lifespan)(scope, receive, send)

    async def run(task_status: trio.TaskStatus[list[str]]) -> None:
        await listen(
            cast(ASGIFramework, app),
            config,
            shutdown_trigger=served.stop.wait,
            kind=kind,
            task_status=task_status,
        )
        served.over.set()

    [bind] = await nursery.start(run)
    served.port = int(bind.rpartition(":")[2])
    return served


async def _lifespan(scope: Any, receive: Any, send: Any) -> None:
    for stage in ("startup", "shutdown"):
        assert (await receive())["type"] == f"lifespan.{stage}"
        await send({"type": f"lifespan.{stage}.complete"})
