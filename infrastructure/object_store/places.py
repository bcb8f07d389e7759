"""The names of objects. A folder ends with a whole part of a name: stores list no other prefixes."""

from __future__ import annotations

from infrastructure.digests import checked_name, place_of

SUSPECTS = "quarantine"


def main(sha256: str) -> str:
    return place_of(sha256)


def again(sha256: str) -> str:
    """The folder of what was kept while the main one may have been about to go."""
    return f"again/{checked_name(sha256)}"


def wanted(sha256: str) -> str:
    """What is written anew whenever bytes are kept that are there already: no store lets us set a time."""
    return f"wanted/{checked_name(sha256)}"


def deletions(sha256: str) -> str:
    """The folder of notes by whoever is deleting these bytes."""
    return f"trash/{checked_name(sha256)}"


def suspects(sha256: str) -> str:
    return f"{SUSPECTS}/{checked_name(sha256)}"


def suspect(note: str) -> str:
    """Where a note is, which is named after the bytes and whoever offered them."""
    sha256, _, source = note.partition("-")
    return f"{suspects(sha256)}/{source}"


def note_named(name: str) -> str:
    return "-".join(name.rsplit("/", 2)[1:])
