"""The end of a service: idle connections at once, newcomers and answers in their time, the rest by force."""

from __future__ import annotations

import socket
from typing import Any, cast

import pytest
import trio
from hypercorn.config import Config
from hypercorn.typing import ASGIFramework, LifespanState
from hypercorn.utils import wrap_app
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.wire.apps import answer, echo
from tests.wire.served import Serve
from tests.wire.test_answers import Pouring, narrow
from web.connections import NEWCOMERS, Connection
from web.lean.connection import Lean
from web.lean.shared import Shared

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def jumping(mock_clock: MockClock) -> MockClock:
    """Time passes when nothing has come over any socket for a moment: whoever waits in vain fails at once."""
    mock_clock.autojump_threshold = 0.02
    return mock_clock


async def test_connections_that_had_their_answers_end_at_once(serve: Serve, jumping: MockClock) -> None:
    served = await serve(echo, keep_alive_timeout=3600, graceful_timeout=3600)
    async with served.client() as used, served.client() as half:
        for client in (used, half):
            await client.send(GET)
            await client.answer()
        await half.send(GET[:20])
        await wait_all_tasks_blocked(0.02)
        began = trio.current_time()
        served.stop.set()
        for client in (used, half):
            assert await client.rest() == b""
        with trio.fail_after(5):
            await served.over.wait()
        assert trio.current_time() == began


async def test_who_has_just_come_in_is_heard_for_a_moment(serve: Serve, jumping: MockClock) -> None:
    served = await serve(echo, keep_alive_timeout=3600, graceful_timeout=3600)
    async with served.client() as quick, served.client() as half, served.client() as silent:
        await half.send(GET[:20])
        await wait_all_tasks_blocked(0.02)
        began = trio.current_time()
        served.stop.set()
        await wait_all_tasks_blocked(0.02)
        await quick.send(GET)
        await half.send(GET[20:])
        for client in (quick, half):
            assert (await client.answer()).status == 200
            assert await client.rest() == b""
        assert trio.current_time() == began
        assert not served.over.is_set()
        assert await silent.rest() == b""
        with trio.fail_after(5):
            await served.over.wait()
        assert trio.current_time() == began + NEWCOMERS


async def test_a_running_answer_is_finished_and_the_last_of_its_connection(
    serve: Serve, kind: type[Connection]
) -> None:
    going = trio.Event()

    async def waiting(scope: Any, receive: Any, send: Any) -> None:
        await going.wait()
        await answer(send, b"done")

    served = await serve(waiting, graceful_timeout=3600)
    async with served.client() as client:
        await client.send(GET + GET if kind is Lean else GET)  # Hypercorn waits for ever on the second
        await wait_all_tasks_blocked(0.02)
        served.stop.set()
        await wait_all_tasks_blocked(0.02)
        assert not served.over.is_set()
        going.set()
        answered = await client.answer()
        assert answered.body == b"done"
        assert answered.headers.get("connection") == ("close" if kind is Lean else None)
        assert await client.rest() == b""
    with trio.fail_after(5):
        await served.over.wait()


async def test_nobody_is_let_in_any_more(serve: Serve) -> None:
    served = await serve(echo)
    served.stop.set()
    await served.over.wait()
    try:
        async with served.client() as client:
            assert await client.rest() == b""
    except OSError:
        pass  # nobody is there at all


@pytest.mark.parametrize("asks", [True, False])
async def test_who_comes_in_at_the_very_moment_of_the_end_is_heard_too(
    asks: bool, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    shared = Shared(Config())
    nursery.start_soon(shared.run)
    await wait_all_tasks_blocked()
    ours, theirs = (trio.SocketStream(trio.socket.from_stdlib_socket(each)) for each in socket.socketpair())
    async with ours, theirs:
        await shared.terminated.set()
        if asks:
            await ours.send_all(GET)
        app = wrap_app(cast(ASGIFramework, echo), 0, "asgi")
        with trio.fail_after(5):
            await Lean(app, Config(), shared, LifespanState(), theirs)  # type: ignore[arg-type]
            assert (await ours.receive_some())[:12] == (b"HTTP/1.1 200" if asks else b"")
    nursery.cancel_scope.cancel()


async def test_what_takes_too_long_is_cut(serve: Serve, mock_clock: MockClock) -> None:
    async def endless(scope: Any, receive: Any, send: Any) -> None:
        await trio.sleep_forever()

    served = await serve(endless, graceful_timeout=3)
    async with served.client() as client:
        await client.send(GET)
        await wait_all_tasks_blocked(0.02)
        served.stop.set()
        await wait_all_tasks_blocked(0.02)
        assert not served.over.is_set()
        mock_clock.jump(4)
        assert await client.rest() == b""
        await served.over.wait()


async def test_a_client_that_takes_nothing_does_not_hold_the_end(serve: Serve, mock_clock: MockClock) -> None:
    served = await serve(Pouring(100, 1024 * 1024), graceful_timeout=3)
    async with narrow(served) as client:
        await client.send(GET)
        await wait_all_tasks_blocked(0.1)
        served.stop.set()
        await wait_all_tasks_blocked(0.1)
        mock_clock.jump(4)
        await served.over.wait()
