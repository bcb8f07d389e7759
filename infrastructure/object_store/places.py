"""The names of objects. A folder ends with a whole part of a name: stores list no other prefixes."""

from __future__ import annotations

import re

SUSPECTS = "quarantine"
_SHA256 = re.compile(r"[0-9a-f]{64}")


def main(sha256: str) -> str:
    return f"{_checked(sha256)[:2]}/{sha256}"


def again(sha256: str) -> str:
    """The folder of what was kept while the main one may have been about to go."""
    return f"again/{_checked(sha256)}"


def wanted(sha256: str) -> str:
    """What is written anew whenever bytes are kept that are there already: no store lets us set a time."""
    return f"wanted/{_checked(sha256)}"


def deletions(sha256: str) -> str:
    """The folder of notes by whoever is deleting these bytes."""
    return f"trash/{_checked(sha256)}"


def suspects(sha256: str) -> str:
    return f"{SUSPECTS}/{_checked(sha256)}"


def suspect(note: str) -> str:
    """Where a note is, which is named after the bytes and whoever offered them."""
    sha256, _, source = note.partition("-")
    return f"{suspects(sha256)}/{source}"


def note_named(name: str) -> str:
    return "-".join(name.rsplit("/", 2)[1:])


def _checked(sha256: str) -> str:
    """Raises ValueError for anything but a lower-case SHA-256, which no outside name is."""
    if not _SHA256.fullmatch(sha256):
        raise ValueError("not a SHA-256")
    return sha256
