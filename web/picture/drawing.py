"""The picture of a life: facts become shapes with a place, few enough to be looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import escape

from application.journal import Recorded
from web.picture.axis import Axis, Tick
from web.picture.life import Lane, Life, Span, life_of
from web.picture.shapes import Bar, Drawn, bars_of, marks_of
from web.words import counted, listed, shortened

HEAVIEST = 36_000  # bytes of marks and bars, their titles included
SHAPE_BYTES = 200  # of one, without its title


@dataclass(frozen=True, slots=True)
class Format:
    """How wide a picture is, and what there is room for."""

    name: str
    width: float
    gutter: float  # for the lanes' names; without one they stand above the lanes
    row: float
    people: int
    breaks: int
    letters: int  # of a name
    day: float  # how wide one is, written out


WIDE = Format("wide", width=960, gutter=132, row=30, people=8, breaks=9, letters=17, day=86)
NARROW = Format("narrow", width=360, gutter=0, row=42, people=5, breaks=5, letters=34, day=52)
MARGIN = 24.0  # so that a mark at the edge is not cut off
TOP = 48.0  # the axis has its labels there


@dataclass(frozen=True, slots=True)
class Row:
    label: str
    kind: str
    y: float
    bars: Sequence[Bar]
    marks: Sequence[Drawn]


@dataclass(frozen=True, slots=True)
class Picture:
    format: Format
    height: float
    rows: Sequence[Row]
    sessions: Sequence[Bar]
    breaks: Sequence[float]
    days: Sequence[Tick]
    ticks: Sequence[Tick]
    words: str
    shapes: frozenset[tuple[str, bool]]  # for the legend
    cursor: float | None  # where the replay stands


def draw(
    facts: Iterable[Recorded],
    names: Mapping[str, str],
    now: datetime,
    format_: Format = WIDE,
    cursor: datetime | None = None,
) -> Picture | None:
    """None when nothing has happened that can be drawn."""
    life = life_of(facts, names)
    lanes = _capped(life, format_.people)
    moments = [*life.moments, *([now] if _goes_on(life) else [])]
    if not moments:
        return None
    left, right = format_.gutter + MARGIN, format_.width - MARGIN
    axis = Axis(moments, left, right, format_.breaks)
    now = max(moments)
    rows, sessions = _fitting(lanes, life.sessions, axis, now, format_)
    return Picture(
        format=format_,
        height=TOP + format_.row * len(rows) + 10,
        rows=rows,
        sessions=sessions,
        breaks=axis.breaks,
        days=list(axis.days(format_.day)),
        ticks=list(axis.ticks()),
        words=_summary(life),
        shapes=frozenset((m.shape, m.hollow) for row in rows for m in row.marks),
        cursor=axis.x(cursor) if cursor else None,
    )


def _goes_on(life: Life) -> bool:
    return any(span.end is None for span in life.sessions)


def _capped(life: Life, most: int) -> list[Lane]:
    people, others = list(life.people.values()), life.lanes[len(life.people) :]
    if len(people) <= most:
        return [*people, *others]
    users = sorted(life.people, key=lambda user: -len(life.people[user].spans))
    often = {*users[: most - 1]}
    rest = [lane for user, lane in life.people.items() if user not in often]
    crowd = Lane(f"and {len(rest)} others", "user")
    crowd.spans = sorted((span for lane in rest for span in lane.spans), key=lambda span: span.start)
    crowd.marks = sorted((mark for lane in rest for mark in lane.marks), key=lambda mark: mark.at)
    return [*(lane for user, lane in life.people.items() if user in often), crowd, *others]


def _fitting(
    lanes: Sequence[Lane], sessions: Sequence[Span], axis: Axis, now: datetime, format_: Format
) -> tuple[list[Row], list[Bar]]:
    """Ever more of what lies close together is drawn as one, until all of it is light enough."""
    grain = 1.0  # the least that lies between two
    while True:
        rows = [
            Row(
                label=shortened(lane.label, format_.letters),
                kind=lane.kind,
                y=TOP + format_.row * number,
                bars=bars_of(lane.spans, axis, now, grain),
                marks=marks_of(lane.marks, axis, grain),
            )
            for number, lane in enumerate(lanes)
        ]
        bands = bars_of(sessions, axis, now, grain)
        if grain > format_.width or _weight(rows, bands) <= HEAVIEST:
            return rows, bands
        grain *= 2


def _weight(rows: Sequence[Row], bands: Sequence[Bar]) -> int:
    titles = (len(str(escape(mark.words)).encode()) for row in rows for mark in row.marks)
    shapes = len(bands) + sum(len(row.bars) + len(row.marks) for row in rows)
    return SHAPE_BYTES * shapes + sum(titles)


def _summary(life: Life) -> str:
    """What a picture would say to somebody who cannot see it."""
    people = [lane.label for lane in life.people.values()]
    who = [*people[:4], *([counted(len(people) - 4, "other")] if len(people) > 4 else [])]
    saves = [
        counted(len(lane.marks), what)
        for lane, what in ((life.saves, "save"), (life.auto, "auto-save"))
        if lane.marks
    ]
    troubles = [mark for mark in life.troubles.marks if mark.shape != "resumed"]
    sentences = [
        f"{counted(len(life.sessions), 'session')}{', one still open' if _goes_on(life) else ''}."
        if life.sessions
        else "No session.",
        f"There: {listed(who)}." if who else "",
        f"{listed(saves)}." if saves else "",
        f"{counted(len(troubles), 'trouble')}." if troubles else "",
    ]
    return " ".join(sentence for sentence in sentences if sentence)
