"""Databases that others keep: opened beside them, and never made where there is none."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from application.journal import JournalFailed


class CannotRead(JournalFailed):
    """A log that is not there, of another release, or out of reach; in whole sentences for people."""


class Snapshot(Protocol):
    """A log as it was when it was opened. Its rows have their columns by place and by name."""

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """A cursor."""
        ...

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[Any]:
        """However many rows there are, a few are held at a time."""
        ...


def in_a_line(trouble: Exception) -> str:
    """What databases and their libraries say never holds a password."""
    return " ".join(str(trouble).split())


def connected(path: Path, wait: float, *, mode: str = "ro", shared: bool = False) -> sqlite3.Connection:
    """`wait` is in seconds, for a lock; `shared` among threads. Raises sqlite3.Error."""
    address = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(
        address, uri=True, timeout=wait, isolation_level=None, check_same_thread=not shared
    )
