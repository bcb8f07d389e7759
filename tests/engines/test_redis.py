"""A Redis of the tests' own forgets when it dies, as a cache does, and hangs when it is told to."""

from __future__ import annotations

import pytest
import redis

from tests.engines.redis import ONCE, Redis


def test_it_is_emptied_for_each_test(redis_server: Redis) -> None:
    with redis_server.client() as client:
        assert client.dbsize() == 0
        client.set("left", "behind")
    redis_server.empty()
    with redis_server.client() as client:
        assert client.dbsize() == 0


def test_killed_it_refuses_and_starts_again_on_the_same_port(redis_server: Redis) -> None:
    with redis_server.client() as client:
        client.set("spoken", "word")
        redis_server.kill()
        with pytest.raises(redis.ConnectionError):
            client.get("spoken")
        redis_server.start()
        assert client.get("spoken") is None


def test_paused_it_answers_nobody_and_afterwards_everybody(redis_server: Redis) -> None:
    redis_server.pause()
    with redis.Redis.from_url(redis_server.url, socket_timeout=1, retry=ONCE) as client:
        with pytest.raises(redis.TimeoutError):
            client.ping()
        redis_server.resume()
        assert client.ping()
