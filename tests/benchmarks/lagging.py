"""`docledger serve` with an eye on its event loop.

Every 10 ms a task is to be woken, and a file is told how late it was; also how long each full garbage
collection took. A SIGUSR1 begins a profile and the next ends it, beside that file.
"""

from __future__ import annotations

import cProfile
import gc
import io
import pstats
import signal
import sys
import time
from array import array
from pathlib import Path
from typing import Any, NamedTuple

import trio

from infrastructure import logs
from infrastructure.collector import tune_collector
from infrastructure.settings import Settings, read_settings
from web.configured import secrets_of
from web.server import run

ROOT = Path(__file__).parents[2]
EVERY = 0.01  # seconds
FLUSH = 100  # looks
LATE, COLLECTED = 0.0, 1.0


class Look(NamedTuple):
    kind: float
    at: float  # seconds of the wall clock
    seconds: float


class Watcher:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._looks = array("d")
        self._began = 0.0

    async def watch(self) -> None:
        gc.callbacks.append(self._collecting)
        while True:
            for _ in range(FLUSH):
                due = trio.current_time() + EVERY
                await trio.sleep_until(due)
                self._looks.extend((LATE, time.time(), trio.current_time() - due))
            looks, self._looks = self._looks, array("d")
            with self._path.open("ab") as file:
                looks.tofile(file)

    async def profile(self) -> None:
        with trio.open_signal_receiver(signal.SIGUSR1) as signals:
            async for _ in signals:
                profile = cProfile.Profile()
                profile.enable()
                await anext(signals)
                profile.disable()
                out = io.StringIO()
                pstats.Stats(profile, stream=out).sort_stats("tottime").print_stats(40)
                await trio.Path(f"{self._path}.profile").write_text(out.getvalue())

    def _collecting(self, phase: str, told: dict[str, Any]) -> None:
        if told["generation"] == 2:
            if phase == "start":
                self._began = time.perf_counter()
            else:
                self._looks.extend((COLLECTED, time.time(), time.perf_counter() - self._began))


def command(path: Path) -> list[str]:
    """For any folder to start it in."""
    begin = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tests.benchmarks.lagging import main; main()"
    )
    return [sys.executable, "-c", begin, str(path)]


def read(path: Path, since: float) -> list[Look]:
    looks = array("d")
    looks.frombytes(path.read_bytes())
    numbers = iter(looks)
    return [look for look in map(Look, numbers, numbers, numbers) if look.at >= since]


async def watched(settings: Settings, watcher: Watcher) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watcher.watch)
        nursery.start_soon(watcher.profile)
        await run(settings)
        nursery.cancel_scope.cancel()


def main() -> None:
    settings = read_settings()
    logs.configure(settings.log_level, settings.log_format, secrets_of(settings))
    tune_collector()
    trio.run(watched, settings, Watcher(Path(sys.argv[1])))
