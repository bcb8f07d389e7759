"""What may happen on the way to a server happens when a test says so."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from time import monotonic

import psycopg
import pytest
import redis

from tests.engines.postgres import Postgres
from tests.engines.redis import ONCE, Redis
from tests.engines.relay import Relay, relay


@pytest.fixture
def between(redis_server: Redis) -> Iterator[Relay]:
    with relay(redis_server.port) as between:
        yield between


@pytest.fixture
def client(between: Relay) -> Iterator[redis.Redis]:
    with redis.Redis(port=between.port, socket_timeout=10, retry=ONCE) as client:
        client.set("n", 1)
        yield client


def test_a_cut_resets_what_is_open_and_refuses_what_is_new(between: Relay, client: redis.Redis) -> None:
    between.cut()
    for _ in range(2):
        with pytest.raises(redis.ConnectionError):
            client.incr("n")
    between.mend()
    assert client.incr("n") == 2


def test_a_hang_says_nothing_and_delivers_in_the_end(between: Relay, client: redis.Redis) -> None:
    with socket.create_connection(("127.0.0.1", between.port), timeout=0.2) as patient:
        between.hang()
        patient.send(b"INCR n\r\n")
        with pytest.raises(TimeoutError):
            patient.recv(10)
        between.mend()
        patient.settimeout(10)
        assert patient.recv(10) == b":2\r\n"


def test_delayed_it_takes_so_long_each_way(between: Relay, client: redis.Redis) -> None:
    between.delay = 0.1
    began = monotonic()
    assert client.incr("n") == 2
    assert monotonic() - began >= 0.2


def test_a_reset_is_over_at_once(between: Relay, client: redis.Redis) -> None:
    with socket.create_connection(("127.0.0.1", between.port), timeout=10) as open_line:
        open_line.send(b"PING\r\n")
        assert open_line.recv(10) == b"+PONG\r\n"
        between.reset()
        with pytest.raises(ConnectionResetError):
            open_line.recv(10)
    before = between.connections
    assert client.incr("n") == 2
    assert between.connections == before + 1


@pytest.mark.parametrize(("lost", "rows"), [("question", 0), ("answer", 1)])
def test_a_commit_may_be_lost_before_or_after_it_was_done(
    postgres: Postgres, postgres_database: str, lost: str, rows: int
) -> None:
    with relay(postgres.port) as between:
        through = postgres_database.replace(str(postgres.port), str(between.port))
        with psycopg.connect(postgres_database, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept (n int)")
        with psycopg.connect(through) as connection:
            connection.execute("INSERT INTO kept VALUES (1)")
            between.lose_question(b"COMMIT") if lost == "question" else between.lose_answer(b"COMMIT")
            with pytest.raises(psycopg.OperationalError):
                connection.commit()
        assert between.lost()
    with psycopg.connect(postgres_database) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (rows,)


def test_nobody_behind_it_is_like_nobody_there() -> None:
    with relay(1) as between, redis.Redis(port=between.port, retry=ONCE) as client:
        with pytest.raises(redis.ConnectionError):
            client.ping()
        assert between.connections == 0
