"""Spans and marks become shapes with a place; those that would overlap become one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from web.picture.axis import Axis
from web.picture.life import Mark, Span
from web.words import counted, listed, shortened

LONGEST_TITLE = 160
NAMES = {
    "auto": "auto-save",
    "button": "save by button",
    "form": "submitted form",
    "final": "last save",
    "rescued": "rescued save",
    "upload": "upload",
    "restore": "restore",
    "error": "error",
    "quarantine": "quarantine",
    "lost": "loss",
    "resumed": "recovery",
    "admitted": "admission",
    "file": "change",
}
WORST = ("lost", "quarantine", "error", "resumed")


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    width: float
    start: datetime
    end: datetime | None  # none: still there


@dataclass(frozen=True, slots=True)
class Drawn:
    x: float
    width: float
    shape: str
    words: str
    at: datetime
    until: datetime  # of the last of several
    hollow: bool
    count: int


def bars_of(spans: Sequence[Span], axis: Axis, now: datetime, grain: float) -> list[Bar]:
    bars: list[Bar] = []
    for span in sorted(spans, key=lambda span: span.start):
        x = axis.x(span.start)
        end = max(axis.x(span.end or now), x + 3)
        last = bars[-1] if bars else None
        if last and x - (last.x + last.width) < grain:
            goes_on = span.end is None or last.end is None
            until = None if goes_on else max(span.end or now, last.end or now)
            bars[-1] = Bar(last.x, max(end - last.x, last.width), last.start, until)
        else:
            bars.append(Bar(x, end - x, span.start, span.end))
    return bars


def marks_of(marks: Sequence[Mark], axis: Axis, grain: float) -> list[Drawn]:
    """What would overlap becomes one, which may then overlap with what stands before it."""
    groups: list[list[Mark]] = []
    for mark in sorted(marks, key=lambda mark: mark.at):
        group = [mark]
        while groups and _extent(group, axis)[0] - _extent(groups[-1], axis)[1] < grain:
            before = groups.pop()
            before.extend(group)
            group = before
        groups.append(group)
    return [_drawn(group, axis) for group in groups]


def _extent(group: Sequence[Mark], axis: Axis) -> tuple[float, float]:
    x, half = _middle(group, axis), _width(group) / 2
    return x - half, x + half


def _middle(group: Sequence[Mark], axis: Axis) -> float:
    return (axis.x(group[0].at) + axis.x(group[-1].at)) / 2


def _width(group: Sequence[Mark]) -> float:
    """Of the mark, or of the pill that says how many there are."""
    if len(group) > 1:
        return 11 + 7 * len(str(len(group)))
    return 7 if group[0].shape == "auto" else 13


def _drawn(group: Sequence[Mark], axis: Axis) -> Drawn:
    first, several = group[0], len(group) > 1
    kinds = Counter(mark.shape for mark in group)
    return Drawn(
        x=_middle(group, axis),
        width=_width(group),
        shape=next((shape for shape in WORST if shape in kinds), first.shape),
        words=listed(list(_kinds(kinds))) if several else shortened(first.words, LONGEST_TITLE),
        at=first.at,
        until=group[-1].at,
        hollow=all(mark.hollow for mark in group),
        count=len(group),
    )


def _kinds(kinds: Counter[str]) -> Iterator[str]:
    for shape, count in kinds.most_common():
        yield counted(count, NAMES[shape])
