"""Several processes count in one Redis; while it fails each counts for itself, and nobody waits for it."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
import trio

from application.limits import NotCounted
from infrastructure.limits import limits_of
from infrastructure.limits.shared import KEYS, RedisCounters, SharedRateLimit
from infrastructure.settings import SettingsError
from tests.doctor.certificates import Authority
from tests.engines.redis import Redis
from tests.engines.relay import relay
from tests.ports import free_port

PAUSE = 0.05  # seconds
PATIENCE = 10.0
AMPLE = 5.0  # seconds: a busy machine is no outage
ANOTHER = """
import sys, trio
from infrastructure.limits.shared import RedisCounters, SharedRateLimit

async def ask():
    limit = SharedRateLimit("requests", "50/minute", RedisCounters(sys.argv[1], 5))
    print(sum([(await limit.hit("ada")).allowed for _ in range(40)]))

trio.run(ask)
"""


@asynccontextmanager
async def counters(url: str, deadline: float = AMPLE) -> AsyncIterator[RedisCounters]:
    async with trio.open_nursery() as nursery:
        counting = RedisCounters(url, deadline, PAUSE)
        nursery.start_soon(counting.run)
        yield counting
        nursery.cancel_scope.cancel()


async def until(so: Callable[[], bool]) -> None:
    with trio.fail_after(PATIENCE):
        while not so():  # noqa: ASYNC110 (Redis is another process)
            await trio.sleep(PAUSE / 5)


def said(caplog: pytest.LogCaptureFixture) -> list[int]:
    return [record.levelno for record in caplog.records if record.name.startswith("infrastructure.limits")]


def test_several_processes_share_one_count(redis_server: Redis) -> None:
    command = [sys.executable, "-c", ANOTHER, redis_server.url]
    others = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert sum(int(other.communicate(timeout=30)[0]) for other in others) == 50


async def test_a_killed_redis_refuses_nobody_is_told_of_once_and_counts_again_when_it_is_back(
    redis_server: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    async with counters(redis_server.url) as shared:
        limit = SharedRateLimit("requests", "2/minute", shared)
        for _ in range(3):
            await limit.hit("ada")
        redis_server.kill()
        assert [(await limit.hit("ada")).allowed for _ in range(4)] == [True, True, False, False], (
            "it is counted in memory, from the beginning"
        )
        assert shared.failing
        await until(lambda: said(caplog) == [logging.ERROR])
        await trio.sleep(5 * PAUSE)
        redis_server.start()
        await until(lambda: not shared.failing)
        assert [(await limit.hit("ada")).allowed for _ in range(3)] == [True, True, False], "in Redis again"
        assert said(caplog) == [logging.ERROR, logging.WARNING]


async def test_a_hanging_redis_is_waited_for_only_once_and_holds_up_nothing_else(
    redis_server: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    slow = 2.0  # seconds
    lags: list[float] = []

    async def look_at_the_loop() -> None:
        while True:
            began = trio.current_time()
            await trio.sleep(0.01)
            lags.append(trio.current_time() - began - 0.01)

    async with counters(redis_server.url, slow) as shared, trio.open_nursery() as nursery:
        limit = SharedRateLimit("requests", "1000/minute", shared)
        await limit.hit("ada")
        nursery.start_soon(look_at_the_loop)
        redis_server.pause()
        began = trio.current_time()
        async with trio.open_nursery() as crowd:
            for _ in range(30):
                crowd.start_soon(limit.hit, "ada")
        assert trio.current_time() - began < 2 * slow
        began = trio.current_time()
        for _ in range(100):
            assert (await limit.hit("ada")).allowed
        assert trio.current_time() - began < slow / 2, "nobody waits any more"
        await until(lambda: said(caplog) == [logging.ERROR])
        assert max(lags) < slow / 2
        redis_server.resume()
        await until(lambda: not shared.failing)
        nursery.cancel_scope.cancel()


async def test_a_redis_that_is_not_there_at_the_start_is_told_of_before_anybody_asks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with counters(f"redis://:a-password@127.0.0.1:{free_port()}/0") as shared:
        await until(lambda: shared.failing and said(caplog) == [logging.ERROR])
    assert "Connection refused" in caplog.text
    assert "a-password" not in caplog.text


async def test_a_redis_that_answers_too_slowly_for_requests_does_not_count_and_is_told_of(
    redis_server: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    with relay(redis_server.port) as between:
        between.delay = 0.3
        async with counters(f"redis://127.0.0.1:{between.port}/0", 0.2) as shared:
            limit = SharedRateLimit("requests", "9/minute", shared)
            assert [(await limit.hit("ada")).remaining for _ in range(2)] == [8, 7]
            await until(lambda: said(caplog) == [logging.ERROR])
            between.delay = 0
            await until(lambda: said(caplog) == [logging.ERROR, logging.WARNING])
            assert not shared.failing


async def test_a_redis_that_answers_but_takes_nothing_does_not_count(redis_server: Redis) -> None:
    with redis_server.client() as client:
        client.replicaof("127.0.0.1", free_port())
        async with counters(redis_server.url) as shared:
            await until(lambda: shared.failing)
            with pytest.raises(NotCounted, match="read only"):
                await shared.probe()
            client.replicaof("no", "one")
            await until(lambda: not shared.failing)


async def test_a_connection_that_redis_has_closed_is_no_outage(redis_server: Redis) -> None:
    async with counters(redis_server.url) as shared:
        limit = SharedRateLimit("requests", "9/minute", shared)
        for left in (8, 7, 6):
            assert (await limit.hit("ada")).remaining == left
            with redis_server.client() as client:
                client.client_kill_filter(_type="normal", skipme=True)
        assert not shared.failing


async def test_a_redis_that_has_forgotten_everything_begins_anew(redis_server: Redis) -> None:
    """Our script too."""
    async with counters(redis_server.url) as shared:
        limit = SharedRateLimit("requests", "1/minute", shared)
        await limit.hit("ada")
        with redis_server.client() as client:
            client.flushall()
            client.script_flush()
        assert (await limit.hit("ada")).allowed
        assert not shared.failing


async def test_it_is_redis_that_ends_a_window_and_says_when(redis_server: Redis) -> None:
    """So that the clocks of nodes may differ."""
    limit = limits_of(redis_server.url, "10000/15 minutes", "off").requests
    assert (await limit.hit("ada")).reset_seconds == 900
    with redis_server.client() as client:
        (key,) = client.keys("*requests*")
        assert key.startswith(f"{KEYS}:")
        client.pexpire(key, 41_500)
        assert (await limit.hit("ada")).reset_seconds == 42
        client.pexpire(key, 1)
        await trio.sleep(0.01)
        assert (await limit.hit("ada")).remaining == 9999


async def test_a_count_never_stays_for_ever(redis_server: Redis) -> None:
    limit = limits_of(redis_server.url, "1/minute", "off").requests
    await limit.hit("ada")
    with redis_server.client() as client:
        (key,) = client.keys("*requests*")
        client.persist(key)
        assert (await limit.hit("ada")).reset_seconds == 60
        assert 0 < client.pttl(key) <= 60_000


async def test_over_tls_it_counts_where_the_certificate_is_trusted_and_not_elsewhere(
    redis_server: Redis, tmp_path: Path
) -> None:
    authority = Authority()
    tls = authority.server(tmp_path)
    bundle = authority.bundle(tmp_path / "authorities.pem")

    async def relay(source: trio.abc.ReceiveStream, target: trio.abc.SendStream) -> None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async for chunk in source:
                await target.send_all(chunk)

    async def connect(plain: trio.SocketStream) -> None:
        client = trio.SSLStream(plain, tls, server_side=True)
        redis = await trio.open_tcp_stream("127.0.0.1", redis_server.port)
        async with client, redis, trio.open_nursery() as both:
            both.start_soon(relay, client, redis)
            both.start_soon(relay, redis, client)

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, connect, 0, host="127.0.0.1"))
        url = f"rediss://127.0.0.1:{listener.socket.getsockname()[1]}/0"
        async with counters(f"{url}?ssl_ca_certs={bundle}") as shared:
            await shared.probe()
            limit = SharedRateLimit("requests", "9/minute", shared)
            assert [(await limit.hit("ada")).remaining for _ in range(3)] == [8, 7, 6]
            assert not shared.failing
        with pytest.raises(NotCounted, match="certificate verify failed"):
            await RedisCounters(url).probe()
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("options", ["db=x", "no_such_option=1"])
def test_options_that_nobody_knows_are_a_mistake_in_the_settings(options: str) -> None:
    with pytest.raises(SettingsError, match="RATE_LIMIT_URL"):
        limits_of(f"redis://localhost/0?{options}", "1/minute", "off")
