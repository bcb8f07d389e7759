"""Servers as processes that somebody kills, and that are started again whenever they end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import httpx
import trio

PORTS = range(
    20_000, 32_000
)  # below those that outgoing connections take, which could sit on a dead server's
AGAIN = 0.3  # seconds until one that ended by itself is started again
HEALTHY = 90.0  # seconds until one must answer, however often it had to be started
POLL = 0.05

Say = Callable[[str], None]


class NeverHealthy(Exception):
    """A server did not come up; its log says why."""


def free_port(chance: Random) -> int:
    for port in chance.sample(PORTS, 50):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("no free port")


@dataclass(slots=True)
class Server:
    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    health: str  # a url
    say: Say
    kills: int = 0
    _pause: float = AGAIN
    _process: trio.Process | None = None
    _launched: trio.Event = field(default_factory=trio.Event)
    _one_killer: trio.Lock = field(default_factory=trio.Lock)

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    async def run(self) -> None:
        """Keep it running until cancelled; then it and what it started are gone."""
        while True:
            process = self._process = await self._launch()
            self._launched.set()
            try:
                await process.wait()
            finally:
                _kill_group(process)
                with trio.CancelScope(shield=True):
                    await process.wait()
            self._launched = trio.Event()
            if process.returncode != -signal.SIGKILL:
                self.say(f"{self.name} ended by itself ({process.returncode})")
            pause, self._pause = self._pause, AGAIN
            await trio.sleep(pause)

    async def kill(self, pause: float, now: Iterator[bool], patience: float) -> None:
        """SIGKILL as soon as it is time, `patience` seconds from now at the latest."""
        async with self._one_killer:
            with trio.move_on_after(patience):
                while not next(now):  # noqa: ASYNC110 (another process is watched)
                    await trio.sleep(0.002)
            await self._launched.wait()
            assert self._process
            self._pause = pause
            self.kills += 1
            _kill_group(self._process)
            with trio.CancelScope(shield=True):
                await self._process.wait()
            await trio.sleep(pause)
            await self._launched.wait()

    async def healthy(self) -> None:
        """Raises NeverHealthy."""
        async with httpx.AsyncClient(trust_env=False, timeout=5) as http:
            with trio.move_on_after(HEALTHY):
                while True:
                    with suppress(httpx.TransportError):
                        if (await http.get(self.health)).is_success:
                            return
                    await trio.sleep(POLL)
        raise NeverHealthy(f"{self.name} does not answer; see {self.log}")

    async def _launch(self) -> trio.Process:
        with self.log.open("ab") as log:
            return await trio.lowlevel.open_process(
                self.command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


def _kill_group(process: trio.Process) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
