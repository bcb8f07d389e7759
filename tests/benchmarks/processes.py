"""Servers as processes of their own: started, awaited, asked for their CPU time, ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.benchmarks import machine
from tests.ports import free_port

STARTING = 60.0  # seconds until it must answer
STOPPING = 15.0  # seconds
SETTLING = 3.0  # seconds at most for work that a load left behind
POLL = 0.03  # seconds
IDLE = 0.001  # seconds of CPU meanwhile


@dataclass(frozen=True, slots=True)
class Server:
    url: str
    pid: int

    def cpu(self) -> float:
        """Seconds of CPU used so far, of all threads; NaN where the kernel does not tell."""
        return machine.cpu(self.pid)

    def memory(self) -> int:
        """kB resident."""
        return machine.memory(self.pid)

    def peak(self) -> int:
        """kB resident at most, since `forget_peak`."""
        return machine.peak(self.pid)

    def forget_peak(self) -> None:
        machine.forget_peak(self.pid)

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def settle(self) -> None:
        """Wait until what the last load left behind is done."""
        until, before = time.monotonic() + SETTLING, -1.0
        while time.monotonic() < until and (now := self.cpu()) > before + IDLE:
            before = now
            time.sleep(POLL)


@contextmanager
def running(
    name: str,
    command: Sequence[str],
    folder: Path,
    *,
    port: int,
    answers: str = "/",
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Iterator[Server]:
    """A server on `port`, from the moment it answers until the block ends; its log is in `folder`."""
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _await(process, url + answers, log)
        yield Server(url, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(STOPPING)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def module(name: str, folder: Path, *arguments: str, log: str = "") -> Iterator[Server]:
    """One of the servers here; its log is called like itself, unless told otherwise."""
    port = free_port()
    command = [sys.executable, "-m", f"tests.benchmarks.{name}", str(port), *arguments]
    with running(log or name, command, folder, port=port) as server:
        yield server


def _await(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + STARTING
    while time.monotonic() < until and process.poll() is None:
        try:
            httpx.get(url, trust_env=False)
        except httpx.TransportError:
            time.sleep(POLL)
        else:
            return
    raise SystemExit(f"{log.stem} did not start:\n{log.read_text()[-2000:]}")
