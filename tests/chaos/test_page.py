"""The page without a browser, at a server that says what the test wants it to."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
import trio
from trio_websocket import ConnectionClosed, WebSocketRequest, serve_websocket

from tests.chaos.page import Page

Talk = Callable[["Visitor"], Awaitable[None]]


@dataclass
class Visitor:
    """The server's end of one connection."""

    config: dict[str, Any]
    hear: Callable[[], Awaitable[dict[str, Any]]]
    say: Callable[..., Awaitable[None]]

    async def open(self, text: str, number: int = 1) -> None:
        await self.say(type="opened", mode="edit", text=text, number=number, token=f"token {number}")


@dataclass
class Desk:
    page: Page
    taken: list[str] = field(default_factory=list)
    leaving: trio.Event = field(default_factory=trio.Event)


async def silence(_visitor: Visitor) -> None:
    await trio.sleep_forever()


@asynccontextmanager
async def at_a_server(*talks: Talk) -> AsyncIterator[Desk]:
    """Each connection has the next of the talks, then ends; after the last there is silence."""
    waiting = list(talks)

    async def answer(request: WebSocketRequest) -> None:
        socket = await request.accept()

        async def hear() -> dict[str, Any]:
            return dict(json.loads(await socket.get_message()))

        async def say(**words: Any) -> None:
            await socket.send_message(json.dumps(words))

        try:
            talk = waiting.pop(0) if waiting else silence
            await talk(Visitor(await hear(), hear, say))
        except ConnectionClosed:
            return
        await socket.aclose()

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            server = await nursery.start(partial(serve_websocket, answer, "127.0.0.1", 0, None))
            taken: list[str] = []
            url = f"ws://127.0.0.1:{server.port}/"
            desk = Desk(Page(url, {"token": "first"}, taken.append, reconnect=0), taken)
            async with trio.open_nursery() as people:
                people.start_soon(desk.page.stay, desk.leaving)
                yield desk
                desk.leaving.set()
            nursery.cancel_scope.cancel()


async def test_what_is_typed_before_the_document_is_there_is_sent_once_it_is() -> None:
    heard = trio.Event()

    async def talk(visitor: Visitor) -> None:
        await visitor.open("Dear reader")
        assert await visitor.hear() == {"type": "text", "text": "Dear reader\ngood night", "ground": 1}
        await visitor.say(type="ack", number=2)
        heard.set()
        await trio.sleep_forever()

    async with at_a_server(talk) as desk:
        await desk.page.type("good night")
        await heard.wait()
        while not desk.taken:
            await trio.lowlevel.checkpoint()
    assert desk.taken == ["good night"]


async def test_a_line_that_the_server_never_got_is_typed_again_after_the_connection_was_lost() -> None:
    retyped = trio.Event()

    async def lose(visitor: Visitor) -> None:
        await visitor.open("a")
        await visitor.hear()

    async def talk(visitor: Visitor) -> None:
        assert visitor.config["token"] == "token 1"
        await visitor.open("a\nothers' words", 7)
        assert (await visitor.hear())["text"] == "a\nothers' words\nmine"
        retyped.set()

    async with at_a_server(lose, talk) as desk:
        await desk.page.type("mine")
        await retyped.wait()
    assert desk.taken == []


async def test_a_line_that_the_server_had_when_the_connection_was_lost_is_not_typed_twice() -> None:
    known = trio.Event()

    async def lose(visitor: Visitor) -> None:
        await visitor.open("a")
        await visitor.hear()

    async def talk(visitor: Visitor) -> None:
        await visitor.open("a\nmine", 7)
        await visitor.say(type="ping")
        assert await visitor.hear() == {"type": "pong"}
        known.set()

    async with at_a_server(lose, talk) as desk:
        await desk.page.type("mine")
        await known.wait()
    assert desk.taken == ["mine"]


async def test_saving_waits_until_the_server_has_the_text() -> None:
    saved = trio.Event()

    async def talk(visitor: Visitor) -> None:
        await visitor.open("a")
        assert (await visitor.hear())["type"] == "text"
        await visitor.say(type="ack", number=2)
        assert await visitor.hear() == {"type": "save"}
        saved.set()

    async with at_a_server(talk) as desk:
        await desk.page.type("b")
        await desk.page.save()
        await saved.wait()


@pytest.mark.parametrize("end", ["outdated", "dropped"])
async def test_it_is_over_when_the_server_sends_everybody_out(end: str) -> None:
    async def talk(visitor: Visitor) -> None:
        await visitor.open("a")
        await visitor.say(type=end)

    async with at_a_server(talk) as desk:
        while not desk.page.over:
            await trio.lowlevel.checkpoint()
    assert desk.page.over == end
