"""What files may be called, and which type a name promises."""

from __future__ import annotations

from unicodedata import bidirectional, category

from domain.formats import format_of

LONGEST_NAME = 255  # bytes, as file systems have it
TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})  # fdp.exe as exe.pdf


class BadName(Exception):
    """A file name that cannot be; the text says why."""


def filetype_of(name: str) -> str:
    format_ = format_of(name)
    return format_.extension if format_ else name.rpartition(".")[2].lower()[:20]


def checked_name(name: str) -> str:
    """A name fit to be shown and downloaded under. Raises BadName."""
    name = name.strip()
    if not name or name in {".", ".."}:
        raise BadName("A file needs a name.")
    if any(character in "/\\" or category(character) == "Cc" for character in name):
        raise BadName("A file name cannot contain slashes or control characters.")
    if any(bidirectional(character) in TURNING for character in name):
        raise BadName("A file name cannot contain characters that turn the direction of what follows.")
    if any("\ud800" <= character <= "\udfff" for character in name):
        raise BadName("A file name cannot contain what is no text, such as half a surrogate pair.")
    if len(name.encode()) > LONGEST_NAME:
        raise BadName(f"A file name can have at most {LONGEST_NAME} bytes.")
    return name
