"""A folder of processes that die with the tests, however those end."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any

from tests.engines import keeper
from tests.engines.process import DYING, Dead, Process, last_words


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
        entering: Sequence[str] = (),  # a machine
        environment: dict[str, str] | None = None,
        farewell: signal.Signals = signal.SIGKILL,
        leaves: Sequence[str] = (),  # files elsewhere, to be removed in the end
    ) -> Process:
        whole = [*entering, *as_user(user), *command]
        asked: dict[str, Any] = {"args": whole, "cwd": str(self.folder), "log": str(log)}
        asked |= {"farewell": farewell, "leaves": list(leaves)}
        asked["env"] = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **(environment or {})}
        answer = self._ask(asked)
        if "error" in answer:
            raise Dead(f"{command[0]}: {answer['error']}")
        try:
            descriptor = os.pidfd_open(answer["pid"])
        except ProcessLookupError:
            raise Dead(last_words(log)) from None
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


def unprivileged(name: str) -> str | None:
    """The user an engine should run as: the one its package made, where we may choose."""
    if os.getuid():
        return None
    for user in (name, "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(user).pw_name
    raise AssertionError("no unprivileged user here")


def as_user(user: str | None) -> list[str]:
    """Before a command."""
    if user is None:
        return []
    entry = pwd.getpwnam(user)
    return ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups", "--"]


def owned_folder(path: Path, user: str | None) -> Path:
    path.mkdir(mode=0o700)
    if user:
        shutil.chown(path, user)
    return path
