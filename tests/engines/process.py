"""A process of another's, watched and signalled without mistaking it for a later one."""

from __future__ import annotations

import select
import signal
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DYING = 20.0  # seconds
STARTING = 60.0


class Dead(Exception):
    """A process ended that should not have; with the end of its log."""


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    log: Path
    _descriptor: int  # never another process's, unlike a pid

    @property
    def alive(self) -> bool:
        return not self._ends_within(0)

    def send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._descriptor, number)

    def wait(self, seconds: float = DYING) -> None:
        assert self._ends_within(seconds), f"process {self.pid} does not end; see {self.log}"

    def children(self) -> list[int]:
        with suppress(FileNotFoundError):
            return [
                int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
            ]
        return []

    def until(self, ready: Callable[[], Any], seconds: float = STARTING) -> None:
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.alive or time.monotonic() > deadline:
                raise Dead(last_words(self.log))
            time.sleep(0.02)  # another process is waited for

    def _ends_within(self, seconds: float) -> bool:
        return bool(select.select([self._descriptor], [], [], seconds)[0])


def last_words(log: Path) -> str:
    return f"{log}:\n{log.read_text(errors='replace')[-4000:]}"


def wait_until_gone(pids: Collection[int]) -> None:
    _wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), f"gone: {pids}")


def wait_until_stopped(pids: Collection[int]) -> None:
    """Every thread of theirs: some run on for a while after a SIGSTOP, where processors are few."""
    _wait_until(lambda: all(map(_is_stopped, pids)), f"stopped: {pids}")


def _is_stopped(pid: int) -> bool:
    try:
        threads = [thread.read_text() for thread in Path(f"/proc/{pid}/task").glob("*/stat")]
    except OSError:  # one ended meanwhile
        return not Path(f"/proc/{pid}").exists()
    return all(thread.rpartition(")")[2].split()[0] in "TZ" for thread in threads)


def _wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DYING
    while not condition():
        assert time.monotonic() < deadline, f"not {what}"
        time.sleep(0.005)  # other processes are waited for
