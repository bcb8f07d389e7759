"""The parent of an engine's processes, which ends them and removes what they leave once the tests are gone.

Run as a program of its own: a pytest that is killed cannot tidy up, but its end of a pipe closes by itself.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

PR_SET_CHILD_SUBREAPER = 36
FAREWELL = 5.0  # seconds for the signal that each process was to be ended with, before SIGKILL


def main(folder: str) -> None:
    for interrupt in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(interrupt, signal.SIG_IGN)  # a Ctrl-C is for pytest; we end when it does
    signal.signal(signal.SIGCHLD, _reap)  # a zombie's pid looks like a PostgreSQL that still runs
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)  # backends of a killed PostgreSQL come to us
    last_words: list[tuple[subprocess.Popen[bytes], int]] = []
    left = [folder]
    try:
        for line in sys.stdin:
            asked = json.loads(line)
            left += asked.pop("leaves")
            print(json.dumps(_start(asked, last_words)), flush=True)
    finally:
        _end(last_words)
        for path in left:
            _remove(path)


def _start(asked: dict[str, Any], last_words: list[tuple[subprocess.Popen[bytes], int]]) -> dict[str, Any]:
    farewell = asked.pop("farewell")
    try:
        with open(asked.pop("log"), "ab") as log:
            process = subprocess.Popen(
                **asked, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
    except OSError as error:
        return {"error": str(error)}
    last_words.append((process, farewell))
    return {"pid": process.pid}


def _end(last_words: list[tuple[subprocess.Popen[bytes], int]]) -> None:
    for process, farewell in last_words:
        process.send_signal(farewell)  # to one that is gone it sends nothing
        process.send_signal(signal.SIGCONT)
    deadline = time.monotonic() + FAREWELL
    for process, _ in last_words:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
    while children := _children():
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.wait()


def _remove(path: str) -> None:
    if os.path.isdir(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(FileNotFoundError):
            os.remove(path)


def _reap(*_: object) -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _children() -> list[int]:
    with open(f"/proc/self/task/{os.getpid()}/children") as children:
        return [int(pid) for pid in children.read().split()]


if __name__ == "__main__":
    main(sys.argv[1])
