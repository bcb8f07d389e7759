"""Word documents of 37 kB: our real sample, with a comment behind the archive that makes each one new."""

from __future__ import annotations

from functools import cache
from pathlib import Path

SIZE = 37_000  # bytes
SAMPLE = Path(__file__).parents[2] / "infrastructure" / "samples" / "Welcome.docx"


@cache
def _archive() -> bytes:
    archive = SAMPLE.read_bytes()
    assert archive[-22:-18] == b"PK\x05\x06", "the sample has a comment already"
    return archive[:-2] + (SIZE - len(archive)).to_bytes(2, "little")


def word(comment: str) -> bytes:
    """A document that differs from every one with another comment."""
    return _archive() + comment.encode().rjust(SIZE - len(_archive()))
