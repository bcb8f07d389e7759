"""Seats at a folder that several processes share: each has one, which is free once the process is no more."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path


class Seats:
    """The kernel holds them (flock), so that they are given up however a process ends."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def taken(self) -> Iterator[int]:
        """The first that is free, from 1. Raises OSError."""
        for number in count(1):
            with self.free(number) as ours:
                if ours:
                    yield number
                    return

    @contextmanager
    def free(self, number: int) -> Iterator[bool]:
        """Whether nobody had it; then nobody else gets it meanwhile. Raises OSError."""
        handle = os.open(self._folder / str(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield _locked(handle)
        finally:
            os.close(handle)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
