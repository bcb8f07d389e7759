"""How long a connection goes on, and in which order its requests are answered."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.wire.apps import answer, echo
from tests.wire.served import Client, Serve, answers
from web.connections import Connection
from web.lean.connection import Lean

GET = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /%d HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b"


async def test_one_connection_is_for_many_requests(serve: Serve) -> None:
    served = await serve(echo)
    async with served.client() as client:
        for number in range(5):
            await client.send(GET % number)
            assert (await client.answer()).body == b"GET /%d " % number
            await client.send(POST % (number, 3, b"abc"))
            assert (await client.answer()).body == b"POST /%d abc" % number


async def test_pipelined_requests_are_answered_in_their_order(serve: Serve) -> None:
    served = await serve(echo)
    async with served.client() as client:
        await client.send(*(POST % (number, 4, b"%04d" % number) + GET % number for number in range(30)))
        for number in range(30):
            assert (await client.answer()).body == b"POST /%d %04d" % (number, number)
            assert (await client.answer()).body == b"GET /%d " % number


async def test_others_are_served_between_requests_that_came_together(serve: Serve) -> None:
    order: list[str] = []

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        order.append(scope["path"])
        await answer(send, b"")

    served = await serve(noting)
    async with served.client() as many, served.client() as one:
        await many.send(b"GET /many HTTP/1.1\r\nHost: x\r\n\r\n" * 200)
        await one.send(b"GET /one HTTP/1.1\r\nHost: x\r\n\r\n")
        await one.answer()
    assert len(order) < 150


@pytest.mark.parametrize(
    "request_", [b"GET /0 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"GET /0 HTTP/1.0\r\n\r\n"]
)
async def test_a_client_that_wants_no_more_is_let_go(serve: Serve, request_: bytes) -> None:
    served = await serve(echo)
    async with served.client() as client:
        await client.send(request_)
        answered = await client.answer()
        assert (answered.body, answered.headers["connection"]) == (b"GET /0 ", "close")
        assert await client.rest() == b""


async def test_what_follows_the_last_request_is_ignored(serve: Serve, kind: type[Connection]) -> None:
    async def listening(scope: Any, receive: Any, send: Any) -> None:
        async def listen() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass

        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            await wait_all_tasks_blocked(0.02)
            await answer(send, b"good")

    served = await serve(listening)
    async with served.client() as client:
        await client.send(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + GET % 1)
        answered = await client.answer()
        if kind is Lean:  # the other one refuses both
            assert (answered.status, answered.body) == (200, b"good")
        assert await client.rest() == b""


async def test_an_answer_of_unknown_length_ends_with_the_connection_for_an_old_client(serve: Serve) -> None:
    served = await serve(echo)
    said = await served.said(b"POST /chunked HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc")
    [answered] = answers(said, iter(["POST"]))
    assert answered.body == b"abcPOST /chunked "
    assert "transfer-encoding" not in answered.headers


async def test_the_last_of_as_many_as_are_allowed_says_so(serve: Serve) -> None:
    served = await serve(echo, keep_alive_max_requests=3)
    async with served.client() as client:
        await client.send(GET % 1 + GET % 2 + GET % 3 + GET % 4)
        said = [await client.answer() for _ in range(3)]
        assert ["connection" in each.headers for each in said] == [False, False, True]
        assert await client.rest() == b""


async def _is_open(client: Client) -> bool:
    await wait_all_tasks_blocked(0.02)
    with trio.move_on_after(0) as waiting:
        return await client.heard() != b""
    return waiting.cancelled_caught


async def test_whoever_asks_for_nothing_is_let_go_in_time(serve: Serve, mock_clock: MockClock) -> None:
    served = await serve(echo, keep_alive_timeout=5)
    async with served.client() as client:
        assert await _is_open(client)
        mock_clock.jump(4)
        assert await _is_open(client)
        await client.send(GET % 0)
        await client.answer()
        await wait_all_tasks_blocked(0.02)
        mock_clock.jump(4)
        assert await _is_open(client), "a request makes the time begin again"
        mock_clock.jump(2)
        assert await client.rest() == b""


async def test_a_head_that_drips_has_no_more_time_than_none(serve: Serve, mock_clock: MockClock) -> None:
    served = await serve(echo, keep_alive_timeout=5)
    async with served.client() as client:
        for byte in b"GET /":
            assert await _is_open(client)
            await client.send(bytes([byte]))
            await wait_all_tasks_blocked(0.02)
            mock_clock.jump(1.1)
        assert await client.rest() == b""


async def test_a_request_has_the_time_that_it_needs(serve: Serve, mock_clock: MockClock) -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await trio.sleep(3600)
        await echo(scope, receive, send)

    served = await serve(slow, keep_alive_timeout=5)
    async with served.client() as client:
        await client.send(POST % (0, 3, b"a"))
        for _ in range(3):
            await wait_all_tasks_blocked(0.02)
            mock_clock.jump(1201)
        await client.send(b"bc")
        assert (await client.answer()).body == b"POST /0 abc"


async def test_what_one_request_noted_another_does_not_know(serve: Serve) -> None:
    noted: ContextVar[str] = ContextVar("noted", default="nothing")

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        before = noted.get()
        noted.set(scope["path"])
        await answer(send, before.encode())

    served = await serve(noting)
    async with served.client() as client:
        await client.send(GET % 1 + GET % 2)
        assert [(await client.answer()).body for _ in range(2)] == [b"nothing"] * 2
        await client.send(GET % 3)
        assert (await client.answer()).body == b"nothing"
