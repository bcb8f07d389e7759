"""Servers as processes that somebody kills, and that are started again whenever they end."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import trio

from tests.engines.process import wait_until_stopped

AGAIN = 0.3  # seconds until one that ended by itself is started again
HEALTHY = 90.0  # seconds until one must answer, however often it had to be started
POLL = 0.05
SERVES = b"Docledger is ready"  # in its log

Say = Callable[[str], None]


class NeverHealthy(Exception):
    """A server did not come up; its log says why."""


@dataclass(frozen=True, slots=True)
class Spell:
    """A time in which a server was dead, asleep or cut off, by the clock on the wall."""

    kind: str
    began: float
    ended: float


@dataclass(slots=True)
class Server:
    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    health: str  # a url
    say: Say
    entering: Sequence[str] = ()  # a machine
    kills: int = 0
    spells: list[Spell] = field(default_factory=list)
    crashes: int = 0  # once it had served
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
            begun = self.log.stat().st_size if self.log.exists() else 0
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
                self.crashes += SERVES in self.log.read_bytes()[begun:]
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
            began = time.time()
            with trio.CancelScope(shield=True):
                await self._process.wait()
            await trio.sleep(pause)
            await self._launched.wait()
            self.spells.append(Spell("kill", began, time.time()))

    async def pause(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT later: it does not know that it was gone."""
        async with self._one_killer:
            await self._launched.wait()
            assert self._process
            pid, began = self._process.pid, time.time()
            _signal_group(self._process, signal.SIGSTOP)
            try:
                await trio.to_thread.run_sync(wait_until_stopped, [pid])
                await trio.sleep(seconds)
            finally:
                self.spells.append(Spell("pause", began, time.time()))
                _signal_group(self._process, signal.SIGCONT)

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
                [*self.entering, *self.command],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


def _kill_group(process: trio.Process) -> None:
    _signal_group(process, signal.SIGKILL)


def _signal_group(process: trio.Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
