"""Copies on the local disk of what was just kept or is being opened. Blocking."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

ROOM = 512 * 1024 * 1024  # bytes


class Cache:
    """Several processes may share the folder. Nothing in it was synced, so each start begins anew."""

    def __init__(self, folder: Path, room: int = ROOM) -> None:
        """Raises OSError."""
        self._folder = folder.absolute()
        self._room = room
        self._taken = 0  # bytes since the last look
        self._folder.mkdir(parents=True, exist_ok=True)
        for copy in self._folder.iterdir():
            copy.unlink(missing_ok=True)

    def path(self, sha256: str) -> Path | None:
        """None where there is no copy. One that is asked for stays longer."""
        path = self._folder / sha256
        try:
            os.utime(path)
        except FileNotFoundError:
            return None
        return path

    def take(self, copy: Path, sha256: str) -> Path:
        """Moves it here, and lets go of older ones where there is no room. Raises OSError."""
        path = self._folder / sha256
        size = copy.stat().st_size
        copy.replace(path)
        self._taken += size
        if self._taken > self._room // 8:  # to look at all of them takes its time
            self._make_room(spare=path)
        return path

    def drop(self, sha256: str) -> None:
        (self._folder / sha256).unlink(missing_ok=True)

    def _make_room(self, spare: Path) -> None:
        self._taken = 0
        copies: list[tuple[float, int, Path]] = []
        for copy in self._folder.iterdir():
            with suppress(FileNotFoundError):  # another process makes room as well
                status = copy.stat()
                copies.append((status.st_mtime, status.st_size, copy))
        total = sum(size for _, size, _ in copies)
        for _, size, copy in sorted(copies):
            if total > self._room and copy != spare:
                copy.unlink(missing_ok=True)
                total -= size
