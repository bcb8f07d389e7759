"""Three texts into one: what two people typed at the same time, as far as one splice each can tell."""

from __future__ import annotations

from typing import NamedTuple


class Splice(NamedTuple):
    start: int
    stop: int
    insert: str


def splice(old: str, new: str) -> Splice:
    """The one replacement that turns `old` into `new`."""
    shorter = min(len(old), len(new))
    start = 0
    while start < shorter and old[start] == new[start]:
        start += 1
    tail = 0
    while tail < shorter - start and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    return Splice(start, len(old) - tail, new[start : len(new) - tail])


def merge(base: str, mine: str, theirs: str) -> str:
    """`theirs` with my change of `base` carried over; of two changes in one place both insertions stay."""
    if base == theirs:
        return mine
    own, other = splice(base, mine), splice(base, theirs)
    shift = len(other.insert) - (other.stop - other.start)
    if own.stop <= other.start:
        start, stop = own.start, own.stop
    elif own.start >= other.stop:
        start, stop = own.start + shift, own.stop + shift
    else:
        # Overlap: their words stay, mine follow them, and what I removed outside of theirs goes.
        after = other.start + len(other.insert)
        start, stop = after, max(after, own.stop + shift)
        head = min(own.start, other.start)
        theirs = theirs[:head] + theirs[other.start :]
        removed = other.start - head
        start, stop = start - removed, stop - removed
    return theirs[:start] + own.insert + theirs[stop:]
