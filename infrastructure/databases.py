"""Databases that others keep: opened beside them, and never made where there is none."""

from __future__ import annotations

import sqlite3
from pathlib import Path


def connected(path: Path, wait: float, *, mode: str = "ro", shared: bool = False) -> sqlite3.Connection:
    """`wait` is in seconds, for a lock; `shared` among threads. Raises sqlite3.Error."""
    address = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(
        address, uri=True, timeout=wait, isolation_level=None, check_same_thread=not shared
    )
