"""A folder of processes that die with the tests, however those end."""

from __future__ import annotations

import json
import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from threading import Lock
from typing import Any

from tests.engines import keeper

# Below those that outgoing connections take, which could sit on the port of a server that is down.
PORTS = range(20_000, 32_000)
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
                raise Dead(f"{self.log}:\n" + self.log.read_text(errors="replace")[-4000:])
            time.sleep(0.02)  # another process is waited for

    def _ends_within(self, seconds: float) -> bool:
        return bool(select.select([self._descriptor], [], [], seconds)[0])


class Kept:
    def __init__(self, folder: Path, keeping: subprocess.Popen[str]) -> None:
        self.folder = folder
        self._keeping = keeping
        self._lock = Lock()
        self._descriptors: list[int] = []

    def start(
        self,
        command: Sequence[str],
        log: Path,
        user: str | None = None,
        environment: dict[str, str] | None = None,
        farewell: signal.Signals = signal.SIGKILL,
        leaves: Sequence[str] = (),  # files elsewhere, to be removed in the end
    ) -> Process:
        asked: dict[str, Any] = {"args": list(command), "cwd": str(self.folder), "log": str(log)}
        asked |= {"farewell": farewell, "leaves": list(leaves)}
        asked["env"] = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **(environment or {})}
        answer = self._ask(asked | as_user(user))
        if "error" in answer:
            raise Dead(f"{command[0]}: {answer['error']}")
        descriptor = os.pidfd_open(answer["pid"])
        self._descriptors.append(descriptor)
        return Process(answer["pid"], log, descriptor)

    def close(self) -> None:
        assert self._keeping.stdin
        assert self._keeping.stdout
        self._keeping.stdin.close()
        self._keeping.wait(keeper.FAREWELL + DYING)
        self._keeping.stdout.close()
        for descriptor in self._descriptors:
            os.close(descriptor)

    def _ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert self._keeping.stdin
        assert self._keeping.stdout
        with self._lock:
            self._keeping.stdin.write(json.dumps(asked) + "\n")
            self._keeping.stdin.flush()
            answer: dict[str, Any] = json.loads(self._keeping.stdout.readline())
            return answer


@contextmanager
def kept(name: str) -> Iterator[Kept]:
    """Its folder may be entered by anybody, so by the user an engine runs as."""
    folder = Path(tempfile.mkdtemp(prefix=f"docledger-{name}-"))
    folder.chmod(0o711)
    command = [sys.executable, "-I", "-S", keeper.__file__, str(folder)]
    keeping = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    engine = Kept(folder, keeping)
    try:
        yield engine
    finally:
        engine.close()


def gone(pids: list[int]) -> None:
    """Returns when they are; for children of a process that was killed."""
    deadline = time.monotonic() + DYING
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < deadline, f"still there: {pids}"
        time.sleep(0.01)  # other processes are waited for


def unprivileged(name: str) -> str | None:
    """The user an engine should run as: the one its package made, where we may choose."""
    if os.getuid():
        return None
    for user in (name, "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(user).pw_name
    raise AssertionError("no unprivileged user here")


def as_user(user: str | None) -> dict[str, Any]:
    """For subprocess.Popen."""
    if user is None:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def owned_folder(path: Path, user: str | None) -> Path:
    path.mkdir(mode=0o700)
    if user:
        shutil.chown(path, user)
    return path


def free_ports() -> Iterator[int]:
    """All different."""
    for port in Random().sample(PORTS, len(PORTS)):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            yield port


def free_port() -> int:
    return next(free_ports())
