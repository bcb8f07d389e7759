"""A Redis of the tests' own, which may be stopped, killed, paused and started again."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import redis

from tests.engines.kept import Kept, Process, free_port, kept


def redis_program() -> str | None:
    return shutil.which("redis-server")


class Redis:
    def __init__(self, engine: Kept, program: str, host: str) -> None:
        self.host, self.port = host, free_port()
        self.log = engine.folder / "redis.log"
        self._engine, self._program = engine, program
        self._process: Process | None = None

    @property
    def url(self) -> str:
        return f"redis://{self.host}:{self.port}/0"

    @property
    def process(self) -> Process:
        assert self._process, "it was never started"
        return self._process

    def start(self) -> None:
        """On the same port as before, empty as a cache is; one that runs is left alone."""
        if self._process and self._process.alive:
            return
        command = [
            self._program,
            "--bind",
            self.host,
            "--port",
            str(self.port),
            "--dir",
            str(self._engine.folder),
        ]
        command += ["--save", "", "--appendonly", "no"]
        self._process = self._engine.start(command, self.log)
        self._process.until(self._answers)

    def stop(self) -> None:
        self.process.send(signal.SIGTERM)
        self.process.wait()

    def kill(self) -> None:
        self.process.send(signal.SIGKILL)
        self.process.wait()

    def pause(self) -> None:
        """It keeps its connections and answers nothing."""
        self.process.send(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send(signal.SIGCONT)

    def ensure(self) -> None:
        """Running, awake and empty, whatever was done to it."""
        self.resume()
        self.start()
        with self.client() as client:
            client.flushall()

    def client(self) -> redis.Redis:
        return redis.Redis(self.host, self.port, socket_timeout=5, retry=None, decode_responses=True)

    def _answers(self) -> bool:
        with suppress(redis.RedisError), self.client() as client:
            return bool(client.ping())
        return False


@contextmanager
def redis_server(program: str, host: str = "127.0.0.1") -> Iterator[Redis]:
    with kept("redis") as engine:
        server = Redis(engine, program, host)
        server.start()
        yield server
