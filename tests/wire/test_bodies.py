"""What a client sends after its head, or does not, and when an application learns that it has left."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import trio
import trio.lowlevel
from trio.testing import wait_all_tasks_blocked

from tests.wire.apps import answer, begin, body_of, echo, piece
from tests.wire.served import Client, Serve, answers
from web.connections import Connection
from web.lean.connection import Lean

POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


def sized(size: int) -> bytes:
    return POST + b"Content-Length: %d\r\n\r\n" % size


def posts() -> Iterator[str]:
    while True:
        yield "POST"


async def test_a_body_in_chunks(serve: Serve) -> None:
    served = await serve(echo)
    async with served.client() as client:
        for chunks in (b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", b"5\r\nabcde\r\n0\r\nTrailer: x\r\n\r\n"):
            await client.send(CHUNKED, chunks)
            assert (await client.answer()).body == b"POST / abcde"


async def test_what_follows_a_body_in_chunks_is_no_header_of_this_request_or_the_next(serve: Serve) -> None:
    served = await serve(echo)
    ask, get = CHUNKED.replace(b"/", b"/?h", 1), GET.replace(b"/", b"/?h", 1)
    said = await served.said(ask, b"1\r\na\r\n0\r\nX-Admin: yes\r\n\r\n", get)
    bodies = [each.body for each in answers(said, posts())]
    assert bodies == [b"POST / host=x transfer-encoding=chunked a", b"GET / host=x "]


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 48\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n30\r\n"]
)
@pytest.mark.parametrize("apart", [False, True])
async def test_a_body_that_comes_with_an_upgrade_is_a_body(serve: Serve, framing: bytes, apart: bool) -> None:
    """Java's client offers HTTP/2 with each first request, and what it sends is no request of its own."""
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAI\r\n"
    body = b"GET /admin HTTP/1.1\r\nHost: x\r\nAuthorization: y\r\n"[:48]
    end = b"\r\n0\r\n\r\n" if b"chunked" in framing else b""
    served = await serve(echo)
    async with served.client() as client:
        for _ in range(2):
            await client.send(POST, upgrade, framing, b"" if apart else body + end)
            if apart:
                await wait_all_tasks_blocked(0.02)
                await client.send(body, end)
            assert (await client.answer()).body == b"POST / " + body
        await client.send(GET)
        assert (await client.answer()).body == b"GET / "


async def test_a_body_larger_than_whatever_holds_it(serve: Serve) -> None:
    async def counting(scope: Any, receive: Any, send: Any) -> None:
        await trio.sleep(0.05)
        await answer(send, b"%d" % len(await body_of(receive)))

    served, size = await serve(counting), 5_000_000
    async with served.client() as client:
        for _ in range(2):
            await client.send(sized(size), b"x" * size)
            assert (await client.answer()).body == b"%d" % size


async def test_a_slow_body_comes_piece_by_piece(serve: Serve) -> None:
    pieces: list[bytes] = []

    async def taking(scope: Any, receive: Any, send: Any) -> None:
        while (message := await receive())["more_body"]:
            pieces.append(message["body"])
            await piece(send, message["body"]) if pieces[1:] else await begin(send)
        await piece(send, b".", more=False)

    served = await serve(taking)
    async with served.client() as client:
        await client.send(sized(5))
        for byte in b"abcd":
            await client.send(bytes([byte]))
            await wait_all_tasks_blocked(0.02)
        await client.send(b"e")
        assert b"bcd" in (await client.answer()).body
    assert pieces[:4] == [b"a", b"b", b"c", b"d"]


async def test_a_client_that_waits_for_it_is_told_to_go_on(serve: Serve) -> None:
    served = await serve(echo)
    async with served.client() as client:
        await client.send(POST, b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert (await client.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        await client.send(b"abc")
        assert (await client.answer()).body == b"POST / abc"
        await client.send(GET)
        assert (await client.answer()).body == b"GET / "


async def test_a_client_whose_body_is_not_wanted_is_not_told_to_send_it(
    serve: Serve, kind: type[Connection]
) -> None:
    async def refusing(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, b"no", 413)

    served = await serve(refusing)
    async with served.client() as client:
        await client.send(POST, b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        first = await client.answer()
        if kind is Lean:
            assert first.headers["connection"] == "close", "nobody knows whether a body follows"
        else:  # whatever the application says
            assert first.status == 100
            first = await client.answer()
        assert (first.status, first.body) == (413, b"no")
        assert await client.rest() == b""


@pytest.mark.parametrize("size", [10, 300_000])
async def test_an_answer_arrives_though_the_body_was_not_read(serve: Serve, size: int) -> None:
    """Closing on unread bytes makes the system of the client forget what it has not read yet."""

    async def refusing(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, b"no" * 1000, 401)

    served = await serve(refusing)
    for _ in range(5):
        async with served.client() as client:
            await client.send(sized(size))
            await client.send(b"x" * 10)
            answered = await client.answer()
            assert (answered.status, len(answered.body)) == (401, 2000)


async def test_after_a_body_that_was_not_read_comes_the_next_request(
    serve: Serve, kind: type[Connection]
) -> None:
    async def refusing(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, scope["method"].encode())

    served = await serve(refusing)
    async with served.client() as client:
        await client.send(sized(100_000))
        assert (await client.answer()).body == b"POST"
        if kind is Lean:  # the other one hangs up
            await client.send(b"x" * 100_000)
            await client.send(GET)
            assert (await client.answer()).body == b"GET"


@pytest.mark.parametrize("chunks", [b"xyz\r\nabc\r\n0\r\n\r\n", b"2\r\nabc\r\n0\r\n\r\n", b"-1\r\n\r\n"])
async def test_a_body_that_breaks_the_protocol_is_refused(
    serve: Serve, chunks: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the application says to it then."""

    async def insisting(scope: Any, receive: Any, send: Any) -> None:
        try:
            await body_of(receive)
        except EOFError:
            await answer(send, b"left", 500)

    served = await serve(insisting)
    [answered] = answers(await served.said(CHUNKED, chunks, GET), posts())
    assert (answered.status, answered.headers["connection"]) == (400, "close")
    assert not caplog.records, "that is no fault of the application's"


@pytest.mark.parametrize("endless", [b"1;", b"0\r\nX: "])
async def test_what_only_frames_a_body_has_an_end(serve: Serve, endless: bytes) -> None:
    served = await serve(echo)
    [answered] = answers(await served.said(CHUNKED, endless + b"x" * 200_000), posts())
    assert answered.status == 431


async def test_a_body_that_ends_too_early_is_refused(serve: Serve) -> None:
    served = await serve(echo)
    [answered] = answers(await served.said(sized(5), b"abc"), posts())
    assert answered.status == 400


class Watching:
    """An application that waits for its client to leave, before an answer or within it."""

    def __init__(self, *, begins: bool = False) -> None:
        self.begins = begins
        self.told: list[str] = []
        self.left = trio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await body_of(receive)
        if self.begins:
            await begin(send)
            await piece(send, b"begun")
        self.told.append((await receive())["type"])
        self.left.set()
        await piece(send, b"nobody hears it") if self.begins else await answer(send, b"too late")


@pytest.mark.parametrize("begins", [False, True])
async def test_an_application_learns_that_its_client_has_left(serve: Serve, begins: bool) -> None:
    app = Watching(begins=begins)
    served = await serve(app)
    async with served.client() as client:
        await client.send(sized(1), b"x")
        await client.until(b"begun") if begins else await wait_all_tasks_blocked(0.02)
        assert not app.told
    with trio.fail_after(5):
        await app.left.wait()
    assert app.told == ["http.disconnect"]


async def test_whoever_has_said_all_is_still_answered(serve: Serve) -> None:
    served = await serve(Watching())
    async with served.client() as client:
        await client.send(GET)
        await client.half_close()
        assert (await client.answer()).body == b"too late"


async def test_all_requests_before_a_half_close_are_answered(serve: Serve) -> None:
    served = await serve(echo)
    said = await served.said(GET, sized(3), b"abc", GET)
    assert [each.body for each in answers(said, posts())] == [b"GET / ", b"POST / abc", b"GET / "]


async def test_another_request_is_not_the_client_leaving(serve: Serve) -> None:
    app = Watching()
    served = await serve(app)
    async with served.client() as client:
        await client.send(GET)
        await wait_all_tasks_blocked(0.02)
        await client.send(GET)
        await wait_all_tasks_blocked(0.02)
        assert not app.told


async def test_an_answer_that_is_over_ends_the_waiting_for_its_client(serve: Serve) -> None:
    told: list[str] = []

    async def both(scope: Any, receive: Any, send: Any) -> None:
        async def wait() -> None:
            told.append((await receive())["type"])

        await body_of(receive)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await wait_all_tasks_blocked()
            await answer(send, b"over")

    served = await serve(both)
    async with served.client() as client:
        for count in (1, 2, 3):
            await client.send(GET)
            assert (await client.answer()).body == b"over"
            await wait_all_tasks_blocked(0.02)
            assert told == ["http.disconnect"] * count


async def test_who_still_listens_after_its_request_does_not_hear_the_next(serve: Serve) -> None:
    told: list[str] = []

    async with trio.open_nursery() as outside:

        async def leaving_behind(scope: Any, receive: Any, send: Any) -> None:
            async def listen() -> None:
                while True:
                    told.append((await receive())["type"])
                    await trio.lowlevel.checkpoint()

            await body_of(receive)
            outside.start_soon(listen)
            await answer(send, scope["path"].encode())

        served = await serve(leaving_behind)
        async with served.client() as client:
            for number in range(20):
                await client.send(*(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % each for each in (number, 99)))
                assert [(await client.answer()).body for _ in range(2)] == [b"/%d" % number, b"/99"]
            await client.send(GET)
            assert (await client.answer()).body == b"/"
        outside.cancel_scope.cancel()
    assert set(told) <= {"http.disconnect"}


async def test_the_next_request_is_not_taken_by_who_waits_for_the_client_to_leave(serve: Serve) -> None:
    """Though its bytes come at the moment at which the answer is over."""
    async with trio.open_nursery() as outside:
        clients: list[Client] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await body_of(receive)
            if scope["path"] == "/":
                outside.start_soon(receive)
                await wait_all_tasks_blocked()
                os.write(clients[0].stream.socket.fileno(), b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n")
                await trio.lowlevel.checkpoint()
            await answer(send, scope["path"].encode())

        served = await serve(app)
        async with served.client() as client:
            clients.append(client)
            for _ in range(20):
                await client.send(GET)
                assert [(await client.answer()).body for _ in range(2)] == [b"/", b"/next"]
        outside.cancel_scope.cancel()
