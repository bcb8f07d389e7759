"""Bytes on their way out: laid aside under another name first, so that they can be put back.

Equal bytes may be kept again in the very moment of their deletion. Whoever keeps them touches the
file, or publishes their own if it has just vanished; whoever deletes looks at the file's time after
it has been laid aside, where nobody can touch it any more.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from infrastructure.durable import Folders


def touch(path: Path) -> bool:
    """Say that these bytes are wanted. False when they are not there (any more)."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    # It may have been laid aside after the system had found it and before it set the time, unseen by
    # whoever looks there. If it is still here, it was not: whoever takes it away now sees the time.
    return path.exists()


def is_idle(path: Path, seconds: float) -> bool:
    """Whether nobody has wanted these bytes for so long. False when they are not there."""
    try:
        return time.time() - path.stat().st_mtime >= seconds
    except FileNotFoundError:
        return False


def touched_at(path: Path) -> int | None:
    """In nanoseconds; None when they are not there."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


class Trash:
    def __init__(self, folder: Path, folders: Folders) -> None:
        self._folder = folder
        self._folders = folders

    def lay_aside(self, path: Path, unwanted: Callable[[Path], bool]) -> Path | None:
        """Where the bytes are now; None when they are not there, or are wanted after all.

        `unwanted` looks at them where they have been laid.
        """
        aside = self._folder / path.name
        try:
            path.rename(aside)
        except FileNotFoundError:
            return None
        if unwanted(aside):
            return aside
        self.put_back(aside, path)
        return None

    def put_back(self, aside: Path, path: Path) -> None:
        """From now on they count as wanted; where others have published the same, theirs stay."""
        self._folders.make(path.parent)
        try:
            os.utime(aside)
            os.link(aside, path)
        except FileExistsError:
            pass
        except FileNotFoundError:
            return  # another process has found them here, and was quicker
        self._folders.sync(path.parent)
        aside.unlink(missing_ok=True)

    def destroy(self, aside: Path) -> bool:
        """False when another process has put them back."""
        try:
            aside.unlink()
        except FileNotFoundError:
            return False
        return True
