"""Connections for downloads: used again while they are good, closed when nobody needs them, never shared."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

import httpx
import pytest
import trio

from infrastructure.kept_alive import KeptAlive
from infrastructure.posting import KEPT_ALIVE_SECONDS, reading

BODY = b"some bytes"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)


@dataclass
class Server:
    """Keeps its connections alive, for so many answers each."""

    url: str = ""
    answers: int = 1000
    connections: int = 0
    ended: int = 0
    asked: list[str] = field(default_factory=list)
    news: trio.Event = field(default_factory=trio.Event)  # set, and replaced, when one has ended

    async def talk(self, stream: trio.SocketStream) -> None:
        self.connections += 1
        with suppress(trio.BrokenResourceError):  # ended with our answer on its way
            await self._answer(stream)
        self.ended += 1
        self.news.set()
        self.news = trio.Event()

    async def _answer(self, stream: trio.SocketStream) -> None:
        async with stream:
            for _ in range(self.answers):
                line = await asked(stream)
                if not line:
                    break
                self.asked.append(line)
                await stream.send_all(ANSWER)

    async def end_of(self, connections: int) -> None:
        with trio.fail_after(5):
            while self.ended < connections:
                await self.news.wait()


async def asked(stream: trio.SocketStream) -> str:
    """A request's first line; nothing where no more will come."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = await stream.receive_some()
        if not more:
            return ""
        data += more
    return data.partition(b"\r\n")[0].decode()


@asynccontextmanager
async def serving(server: Server, seconds: float = KEPT_ALIVE_SECONDS) -> AsyncIterator[KeptAlive]:
    async with trio.open_nursery() as nursery:
        serve = partial(trio.serve_tcp, server.talk, 0, host="127.0.0.1")
        listeners: list[trio.SocketListener] = await nursery.start(serve)
        server.url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        kept = KeptAlive(ssl.create_default_context(), seconds)
        yield kept
        await kept.aclose()
        nursery.cancel_scope.cancel()


async def fetched(kept: KeptAlive, url: str) -> bytes:
    response = await kept.handle_async_request(httpx.Request("GET", url))
    async with reading(response) as (_, chunks):
        return b"".join([chunk async for chunk in chunks])


async def test_one_download_after_the_other_takes_one_connection() -> None:
    server = Server()
    async with serving(server) as kept:
        for number in range(3):
            assert await fetched(kept, f"{server.url}/{number}?a=%2F") == BODY
    assert server.connections == 1
    assert server.asked == [f"GET /{number}?a=%2F HTTP/1.1" for number in range(3)]


async def test_downloads_at_once_share_none() -> None:
    server = Server()
    async with serving(server) as kept:
        first = await kept.handle_async_request(httpx.Request("GET", f"{server.url}/first"))
        assert await fetched(kept, f"{server.url}/second") == BODY
        assert await first.aread() == BODY
        await first.aclose()
        assert server.connections == 2
        for _ in range(4):
            await fetched(kept, server.url)
        assert server.connections == 2


async def test_one_that_the_server_has_ended_is_not_used_again() -> None:
    server = Server(answers=1)
    async with serving(server) as kept:
        for _ in range(3):
            assert await fetched(kept, server.url) == BODY
            await server.end_of(server.connections)
    assert server.connections == 3


async def test_one_whose_body_was_left_is_not_used_again() -> None:
    server = Server()
    async with serving(server) as kept:
        response = await kept.handle_async_request(httpx.Request("GET", server.url))
        await response.aclose()
        assert await fetched(kept, server.url) == BODY
    assert server.connections == 2


async def test_what_nobody_has_needed_for_long_is_closed() -> None:
    server = Server()
    async with serving(server, seconds=0) as kept:
        both = [await kept.handle_async_request(httpx.Request("GET", server.url)) for _ in range(2)]
        for response in both:
            await response.aread()
            await response.aclose()
        assert await fetched(kept, server.url) == BODY
        await server.end_of(2)
    assert server.connections == 3


async def test_all_are_closed_although_the_caller_is_cancelled() -> None:
    server = Server()
    async with serving(server) as kept:
        both = [await kept.handle_async_request(httpx.Request("GET", server.url)) for _ in range(2)]
        for response in both:
            await response.aread()
            await response.aclose()
        with trio.CancelScope() as scope:
            scope.cancel()
            await kept.aclose()
        await server.end_of(2)


class Steps(trio.abc.Instrument):
    """Cancels a task as it takes its so-many-th step."""

    def __init__(self, task: trio.lowlevel.Task, left: int, scope: trio.CancelScope) -> None:
        self._task, self.left, self._scope = task, left, scope

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.left -= task is self._task
        if self.left == 0:
            self._scope.cancel()


@pytest.mark.parametrize("kept_before", [False, True])
async def test_none_is_left_open_whenever_the_caller_is_cancelled(kept_before: bool) -> None:
    server = Server()
    async with serving(server) as kept:
        for steps in range(1, 100):
            if kept_before:
                await fetched(kept, server.url)
            with trio.CancelScope() as scope:
                instrument = Steps(trio.lowlevel.current_task(), steps, scope)
                trio.lowlevel.add_instrument(instrument)
                try:
                    await fetched(kept, server.url)
                finally:
                    trio.lowlevel.remove_instrument(instrument)
            await kept.aclose()
            await server.end_of(server.connections)
            if instrument.left > 0:  # it was over before
                break
        assert not scope.cancelled_caught
        assert steps > 5


async def test_other_servers_have_connections_of_their_own() -> None:
    one, two = Server(), Server()
    async with serving(one) as kept, serving(two):
        for server in (one, two, one, two):
            assert await fetched(kept, server.url) == BODY
    assert (one.connections, two.connections) == (1, 1)


async def test_nobody_there_is_a_transport_error() -> None:
    server = Server()
    async with serving(server):
        pass
    kept = KeptAlive(ssl.create_default_context())
    with pytest.raises(httpx.TransportError):
        await fetched(kept, server.url)
    await kept.aclose()
