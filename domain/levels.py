"""How much somebody may do: what a share allows, what is asked for and what a format can hold, compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from domain.formats import Format
from domain.words import Access, Mode

# A mode has the word of the access that it needs.
RANKS: Mapping[str, int] = {word: rank for rank, word in enumerate(reversed(Access))}


def covers(access: Access, needed: Access | Mode) -> bool:
    return RANKS[access] >= RANKS[needed]


def highest(levels: Iterable[Access]) -> Access:
    return max(levels, key=RANKS.__getitem__, default=Access.NONE)


def mode_of(access: Access, wanted: Mode, format_: Format) -> Mode:
    """The most of what is wanted that access and format allow: never more than any of the three."""
    most = min(RANKS[access], RANKS[wanted])
    return max((mode for mode in _modes(format_) if RANKS[mode] <= most), key=RANKS.__getitem__)


def _modes(format_: Format) -> Iterable[Mode]:
    yield Mode.VIEW
    if format_.fill:
        yield Mode.FILL
    if format_.comment:
        yield Mode.COMMENT
    if format_.review:
        yield Mode.REVIEW
    if format_.editable:
        yield Mode.EDIT
