"""What reaches a client of an application's answer, however odd the application, however slow the client."""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import repeat
from typing import Any

import pytest
import trio
from starlette.responses import StreamingResponse
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.wire.apps import TEXT, answer, begin, body_of, echo, piece
from tests.wire.served import Client, Serve, Served, answers
from web.connections import SEVER, STALLED, Connection
from web.lean.connection import Lean

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
HEAD = b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"
TEN = (b"content-length", b"10")


async def test_head_is_answered_like_get_without_the_body(serve: Serve) -> None:
    served = await serve(echo)
    async with served.client() as client:
        for path in (b"/", b"/chunked"):
            await client.send(HEAD.replace(b"/", path, 1), GET.replace(b"/", path, 1))
            head, got = await client.answer("HEAD"), await client.answer()
            for framing in ("transfer-encoding", "content-type"):
                assert head.headers.get(framing) == got.headers.get(framing)


@pytest.mark.parametrize("status", [204, 304])
async def test_some_answers_have_no_body_whatever_the_application_says(serve: Serve, status: int) -> None:
    served = await serve(echo)
    async with served.client() as client:
        await client.send(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % status, GET)
        assert (await client.answer()).status == status
        assert (await client.answer()).body == b"GET / "


async def test_a_body_of_unknown_length_goes_in_chunks(serve: Serve) -> None:
    served = await serve(echo)
    async with served.client() as client:
        for _ in range(2):
            await client.send(b"POST /chunked HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n", b"a" * 20)
            answered = await client.answer()
            assert answered.headers["transfer-encoding"] == "chunked"
            assert answered.body == b"a" * 20 + b"POST /chunked "


async def test_head_and_body_go_out_together(serve: Serve, kind: type[Connection]) -> None:
    served = await serve(echo)
    async with served.client() as client:
        await client.send(GET)
        first = await client.heard()
        if kind is Lean:
            assert first.endswith(b"GET / ")


@pytest.mark.parametrize(
    "header",
    [
        (b"x-name", b"a\r\nset-cookie: b"),
        (b"x-name", b"a\nb"),
        (b"x-name", b"a\0b"),
        (b"x-name\r\nset-cookie", b"a"),
        (b"x name", b"a"),
        (b":status", b"200"),
        (b"content-length", b"a"),
    ],
)
async def test_a_header_that_would_be_another_one_is_none(
    serve: Serve, header: tuple[bytes, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, b"never", 200, header)

    served = await serve(app)
    async with served.client() as client:
        await client.send(GET)
        answered = await client.answer()
    assert (answered.status, answered.body) == (500, b"")
    assert "Error in ASGI Framework" in caplog.text


async def test_the_case_of_a_headers_name_is_the_applications(serve: Serve) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, b"", 200, (b"X-Name ", b" a\xe4 "), (b"Content-Length", b"0"))

    served = await serve(app)
    async with served.client() as client:
        await client.send(GET)
        assert b"X-Name: a\xe4\r\n" in await client.heard()


class Pausing:
    """Begins an answer, and says more only when it is told to; from a task of its own, if so wanted."""

    def __init__(self, in_a_task: bool) -> None:
        self.in_a_task = in_a_task
        self.more, self.more_of_it = trio.open_memory_channel[bytes](0)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def say() -> None:
            await begin(send, 200, TEXT)
            async for said in self.more_of_it:
                await piece(send, said)
            await piece(send, b"", more=False)

        await body_of(receive)
        if not self.in_a_task:
            await say()
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(say)


@pytest.mark.parametrize("in_a_task", [False, True])
async def test_a_stream_shows_its_head_and_each_piece_at_once(serve: Serve, in_a_task: bool) -> None:
    app = Pausing(in_a_task)
    served = await serve(app)
    async with served.client() as client:
        await client.send(GET)
        assert b" 200 " in await client.until(b"\r\n\r\n"), "before there is any body"
        for number in range(3):
            await app.more.send(b"data: %d\n\n" % number)
            assert await client.until(b"\n\n\r\n") == b"9\r\ndata: %d\n\n\r\n" % number
        await app.more.aclose()
        await client.until(b"0\r\n\r\n")
        await client.send(GET)
        assert b" 200 " in await client.until(b"\r\n\r\n")


async def test_starlettes_streams_show_each_piece_at_once_and_end_with_their_client(serve: Serve) -> None:
    ended = trio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        try:
            yield b"one"
            await trio.sleep_forever()
        finally:
            ended.set()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await StreamingResponse(pieces())(scope, receive, send)

    served = await serve(app)
    async with served.client() as client:
        await client.send(GET)
        await client.until(b"one")
    with trio.fail_after(5):
        await ended.wait()


class Pouring:
    """Pours out pieces, and counts those that were taken from it."""

    def __init__(self, count: int, size: int) -> None:
        self.count, self.size, self.taken = count, size, 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await begin(send, 200, (b"content-length", b"%d" % (self.count * self.size)))
        for number in range(self.count):
            await piece(send, bytes([number % 256]) * self.size)
            self.taken += 1
        await piece(send, b"", more=False)


@asynccontextmanager
async def narrow(served: Served) -> AsyncIterator[Client]:
    """A client whose system holds little that it has not read."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connecting = trio.socket.from_stdlib_socket(plain)
    await connecting.connect(("127.0.0.1", served.port))
    stream = trio.SocketStream(connecting)
    try:
        yield Client(stream)
    finally:
        await trio.aclose_forcefully(stream)


async def test_an_application_is_not_faster_than_its_client(serve: Serve) -> None:
    app = Pouring(200, 256 * 1024)
    served = await serve(app)
    async with narrow(served) as client:
        await client.send(GET)
        await client.until(b"\r\n\r\n")
        await wait_all_tasks_blocked(0.1)
        before = app.taken
        assert before < 100
        for number in range(app.count):
            assert await client.exactly(app.size) == bytes([number % 256]) * app.size


async def test_an_application_that_pours_does_not_hold_up_others(serve: Serve) -> None:
    app = Pouring(5000, 1)

    async def either(scope: Any, receive: Any, send: Any) -> None:
        await (app if scope["path"] == "/" else echo)(scope, receive, send)

    served = await serve(either)
    async with served.client() as other, served.client() as client:
        await other.send(GET.replace(b"/", b"/other", 1))
        await client.send(GET)
        await other.answer()
        assert app.taken < app.count
        assert len((await client.answer()).body) == app.count


async def test_what_several_tasks_send_is_not_mixed(serve: Serve) -> None:
    size = 2 * 1024 * 1024

    async def app(scope: Any, receive: Any, send: Any) -> None:
        begun = trio.Event()

        async def say_much() -> None:
            begun.set()
            await piece(send, b"a" * size)

        async def say_little(after: float) -> None:
            await begun.wait()
            await trio.sleep(after)
            await piece(send, b"b")

        await begin(send, 200, (b"content-length", b"%d" % (size + 20)))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(say_much)
            for number in range(20):
                nursery.start_soon(say_little, 0.001 * number)
        await piece(send, b"", more=False)

    served = await serve(app)
    async with narrow(served) as client:
        await client.send(GET)
        assert (await client.answer()).body == b"a" * size + b"b" * 20


async def test_what_is_sent_is_sent_whole_whatever_is_cancelled(serve: Serve, kind: type[Connection]) -> None:
    size = 1024 * 1024

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await begin(send, 200, (b"content-length", b"%d" % (2 * size)))
        with trio.CancelScope() as cancelled:
            if kind is Lean:  # the other one sends nothing then, though it has counted it
                cancelled.cancel()
            else:
                cancelled.deadline = trio.current_time() + 0.05
            await piece(send, b"a" * size)
        await piece(send, b"b" * size, more=False)

    served = await serve(app)
    async with narrow(served) as client:
        await client.send(GET)
        await wait_all_tasks_blocked(0.1)
        assert (await client.answer()).body == b"a" * size + b"b" * size


async def test_a_client_that_takes_nothing_is_cut(serve: Serve, mock_clock: MockClock) -> None:
    ended = trio.Event()
    pouring = Pouring(100, 1024 * 1024)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await pouring(scope, receive, send)
        ended.set()

    served = await serve(app)
    async with narrow(served) as client:
        await client.send(GET)
        await wait_all_tasks_blocked(0.1)
        assert not ended.is_set()
        mock_clock.jump(STALLED + 1)
        await wait_all_tasks_blocked(0.1)
        assert ended.is_set(), "what is sent to nobody does not hold the application"
        assert len(await client.rest()) < pouring.count * pouring.size


async def test_an_application_may_end_its_connection_while_it_sends(serve: Serve) -> None:
    ended = trio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Pouring(100, 1024 * 1024), scope, receive, send)
            await wait_all_tasks_blocked(0.1)
            scope[SEVER]()
        ended.set()

    served = await serve(app)
    async with narrow(served) as client:
        await client.send(GET)
        with trio.fail_after(5):
            await ended.wait()
        assert len(await client.rest()) < 100 * 1024 * 1024


async def raises_before(scope: Any, receive: Any, send: Any) -> None:
    raise LookupError


async def raises_in_a_task(scope: Any, receive: Any, send: Any) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(raises_before, scope, receive, send)


async def returns(scope: Any, receive: Any, send: Any) -> None:
    pass


async def says_a_bad_header(scope: Any, receive: Any, send: Any) -> None:
    await begin(send, 200, (b"x", b"a\r\nb: c"))


async def begins_with_a_body(scope: Any, receive: Any, send: Any) -> None:
    await piece(send, b"x")


@pytest.mark.parametrize(
    "app", [raises_before, raises_in_a_task, returns, says_a_bad_header, begins_with_a_body]
)
async def test_an_application_without_an_answer_has_failed(
    serve: Serve, app: Any, caplog: pytest.LogCaptureFixture
) -> None:
    served = await serve(app)
    async with served.client() as client:
        await client.send(GET)
        answered = await client.answer()
        assert (answered.status, answered.body, answered.headers["connection"]) == (500, b"", "close")
        assert await client.rest() == b""
    logged = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(logged) == (0 if app is returns else 1)


async def raises_after_its_head(scope: Any, receive: Any, send: Any) -> None:
    await begin(send, 200, TEN)
    raise LookupError


async def raises_within_its_body(scope: Any, receive: Any, send: Any) -> None:
    await begin(send, 200, TEN)
    await piece(send, b"12345")
    raise LookupError


async def ends_after_its_head(scope: Any, receive: Any, send: Any) -> None:
    await begin(send, 200, TEN)


async def says_too_little(scope: Any, receive: Any, send: Any) -> None:
    await begin(send, 200, TEN)
    await piece(send, b"12345", more=False)


async def says_too_little_in_chunks(scope: Any, receive: Any, send: Any) -> None:
    await begin(send, 200)
    await piece(send, b"12345")


@pytest.mark.parametrize(
    ("app", "body"),
    [
        (raises_after_its_head, b""),
        (raises_within_its_body, b"12345"),
        (ends_after_its_head, b""),
        (says_too_little, b"12345"),
        (says_too_little_in_chunks, b"12345"),
    ],
)
async def test_an_answer_that_breaks_off_is_seen_to(serve: Serve, app: Any, body: bytes) -> None:
    """By its length: nothing follows on this connection."""
    served = await serve(app)
    async with served.client() as client:
        await client.send(GET + GET)
        [answered] = answers(await client.rest(), repeat("GET"))
    assert (answered.status, answered.body, answered.whole) == (200, body, False)


async def test_an_answer_is_never_longer_than_it_says(serve: Serve) -> None:
    async def says_too_much(scope: Any, receive: Any, send: Any) -> None:
        await begin(send, 200, TEN)
        await piece(send, b"12345678901", more=False)

    served = await serve(says_too_much)
    async with served.client() as client:
        await client.send(GET + GET)
        [answered] = answers(await client.rest(), repeat("GET"))
    assert len(answered.body) <= 10


async def test_what_an_application_says_after_its_answer_is_an_error_of_its_own(serve: Serve) -> None:
    failed: list[str] = []

    async def talkative(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, b"over")
        try:
            await piece(send, b"more")
        except Exception as error:
            failed.append(type(error).__name__)

    served = await serve(talkative)
    async with served.client() as client:
        for _ in range(2):
            await client.send(GET)
            assert (await client.answer()).body == b"over"
        await wait_all_tasks_blocked(0.02)
    assert failed == ["UnexpectedMessageError"] * 2
