"""wrk, the load generator: C, so that it takes next to nothing of the two cores."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("load.lua")
PATIENCE = 30  # seconds for an answer, and beyond a load's own for wrk to end


class LoadFailed(Exception):
    """The load was not answered as it should be; the text says how."""


@dataclass(frozen=True, slots=True)
class Measured:
    requests: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def installed() -> bool:
    return shutil.which("wrk") is not None


def get(url: str, connections: int, seconds: int) -> Measured:
    return _run(url, connections, seconds, threads=1)


def post(url: str, callbacks: Path, connections: int, seconds: int) -> Measured:
    """`callbacks` is a folder with a file for each connection; see load.lua."""
    return _run(url, connections, seconds, [str(callbacks)], threads=connections)


def _run(
    url: str, connections: int, seconds: int, arguments: Sequence[str] = (), *, threads: int
) -> Measured:
    command = ["wrk", f"-c{connections}", f"-t{threads}", f"-d{seconds}s", "--timeout", f"{PATIENCE}s"]
    command += ["-s", str(SCRIPT), url, "--", *arguments]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise LoadFailed(f"wrk failed on {url}: {finished.stderr or finished.stdout}")
    report = json.loads(finished.stdout.splitlines()[-1])
    if report["failed"]:
        raise LoadFailed(f"{report['failed']} of {report['requests']} requests to {url} failed")
    if report["exhausted"]:
        raise LoadFailed(f"{url} was faster than the callbacks prepared for it")
    return Measured(report["requests"], report["seconds"])
