"""A Redis of the tests' own, in memory only, as counters need it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.engines.engine import Engine
from tests.engines.kept import Kept, kept
from tests.engines.process import Process
from tests.ports import free_port

ONCE = Retry(NoBackoff(), 0)


def redis_program() -> str | None:
    return shutil.which("redis-server")


class Redis(Engine):
    def __init__(self, engine: Kept, program: str) -> None:
        self.port = free_port()
        self.log = engine.folder / "redis.log"
        self._engine, self._program = engine, program

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port, socket_timeout=5, retry=ONCE, decode_responses=True)

    def empty(self) -> None:
        with self.client() as client:
            client.flushall()

    def _launch(self) -> Process:
        command = [self._program, "--bind", "127.0.0.1", "--port", str(self.port), "--save", ""]
        return self._engine.start(command, self.log)

    def _answers(self) -> bool:
        with suppress(redis.RedisError), self.client() as client:
            return bool(client.ping())
        return False


@contextmanager
def redis_server(program: str) -> Iterator[Redis]:
    with kept("redis") as engine:
        server = Redis(engine, program)
        server.start()
        yield server
