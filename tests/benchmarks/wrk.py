"""wrk, the load generator: C, so that it takes next to nothing of the two cores."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

SCRIPT = Path(__file__).with_name("load.lua")
Headers = Mapping[str, str]
NO_HEADERS: Headers = MappingProxyType({})

PATIENCE = 30  # seconds for an answer, and beyond a load's own for wrk to end


class LoadFailed(Exception):
    """The load was not answered as it should be; the text says how."""


@dataclass(frozen=True, slots=True)
class Measured:
    requests: float  # by the bytes, where it is about large files: few are ever whole
    seconds: float
    bytes: int = 0  # heads and bodies

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def installed() -> bool:
    return shutil.which("wrk") is not None


def get(url: str, connections: int, seconds: int, headers: Headers = NO_HEADERS) -> Measured:
    return _some(url, _run(url, connections, seconds, headers=headers, threads=1))


def flow(url: str, size: int, connections: int, seconds: int, **headers: str) -> Measured:
    """Of answers of so many bytes, each or a part of it."""
    measured = _run(url, connections, seconds, headers=headers, threads=1)
    return _some(url, replace(measured, requests=measured.bytes / size))


def post(
    url: str,
    callbacks: Path,
    connections: int,
    seconds: int,
    headers: Headers = NO_HEADERS,
) -> Measured:
    """`callbacks` is a folder with a file for each connection; see load.lua."""
    return _some(url, _run(url, connections, seconds, [str(callbacks)], headers=headers, threads=connections))


def _some(url: str, measured: Measured) -> Measured:
    if not measured.requests:
        raise LoadFailed(f"{url} answered nothing within {measured.seconds:.1f} s")
    return measured


def _run(
    url: str,
    connections: int,
    seconds: int,
    arguments: Sequence[str] = (),
    *,
    headers: Headers,
    threads: int,
) -> Measured:
    command = ["wrk", f"-c{connections}", f"-t{threads}", f"-d{seconds}s", "--timeout", f"{PATIENCE}s"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    command += ["-s", str(SCRIPT), url, "--", *arguments]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise LoadFailed(f"wrk failed on {url}: {finished.stderr or finished.stdout}")
    report = json.loads(finished.stdout.splitlines()[-1])
    if report["failed"]:
        raise LoadFailed(f"{report['failed']} of {report['requests']} requests to {url} failed")
    if report["exhausted"]:
        raise LoadFailed(f"{url} was faster than the callbacks prepared for it")
    return Measured(report["requests"], report["seconds"], report["bytes"])
