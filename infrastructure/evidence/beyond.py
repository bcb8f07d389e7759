"""Only what came after a position up to which the log was found whole; what signatures cover is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from infrastructure.evidence.checking import Check
from infrastructure.evidence.findings import Finding, Kind
from infrastructure.evidence.inspecting import Damaged, Inspection
from infrastructure.evidence.opening import inspection_of

OFTEN = 500  # facts between two words on the progress


def verify_beyond(place: Path | str, position: int, done: Callable[[int], object]) -> list[Finding]:
    """Raises CannotCheck."""
    try:
        with inspection_of(place) as log:
            return [*_judged(log, position, done)]
    except Damaged as trouble:
        return [Finding(Kind.DAMAGED, str(trouble))]


def _judged(log: Inspection, position: int, done: Callable[[int], object]) -> Iterator[Finding]:
    check, expected = Check(log), position + 1
    for count, row in enumerate(log.exhibits(log.last(), position), start=1):
        if row.position > expected:
            yield missing(expected, row.position)
        yield from check.judge(row, None, covered=False)
        expected = row.position + 1
        if count % OFTEN == 0:
            done(OFTEN)


def missing(start: int, end: int) -> Finding:
    """Positions are given in the facts' own transactions, so none is ever left out."""
    rest = f" to {end - 1}" if start < end - 1 else ""
    return Finding(Kind.GAP, f"no fact stands at {start}{rest}", position=start)
