"""The SHA-256 of bytes, under which they are stored wherever they are stored."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from application.ports import StorageFailed

SHA256 = re.compile(r"[0-9a-f]{64}")


def place_of(sha256: str) -> str:
    """Within a store. Raises ValueError for anything but a lower-case SHA-256, which no outside name is."""
    return f"{checked_name(sha256)[:2]}/{sha256}"


def checked_name(sha256: str) -> str:
    """Raises ValueError."""
    if not SHA256.fullmatch(sha256):
        raise ValueError("not a SHA-256")
    return sha256


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def size_at(path: Path) -> int | None:
    """None where nothing is."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def damaged(sha256: str) -> StorageFailed:
    return StorageFailed(f"the bytes stored as {sha256} are damaged: they are others")
