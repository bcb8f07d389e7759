"""The picture of a life: right for a story one can check, and sound for any history at all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.journal import Recorded
from domain import events
from domain.events import Event
from domain.words import Access, CloseReason, Mode, Next, Source, Standing, Trigger
from web.pages import TEMPLATES
from web.picture.drawing import NARROW, WIDE, Format, Picture, draw

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
NAMES = {
    "ada": "Ada",
    "bob": "Bob",
    "eve": "<script>alert('&')</script>" * 9,
    "dov": "דוד כהן",
    "wide": "\U0001f600\u202e" * 60,
}
BOUND = 60_000  # bytes
TEMPLATE = TEMPLATES.from_string(
    '{% from "picture.html" import picture, legend %}{{ picture(it, name, "life") }}'
)


def recorded(*told: tuple[str, Event]) -> list[Recorded]:
    numbers: dict[str, int] = {}
    facts = []
    for position, (stream, fact) in enumerate(told, start=1):
        numbers[stream] = numbers.get(stream, 0) + 1
        facts.append(Recorded(position, stream, numbers[stream], fact, "f"))
    return facts


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def opened(minutes: float) -> Event:
    return events.Opened(at=at(minutes), file="f", name="a.docx", filetype="docx", owner="ada", base=1)


def admitted(minutes: float, user: str = "ada", mode: Mode = Mode.EDIT) -> Event:
    return events.Admitted(at=at(minutes), user=user, name=NAMES[user], mode=mode, address="192.0.2.1")


def joined(minutes: float, user: str = "ada") -> Event:
    return events.Joined(at=at(minutes), user=user)


def left(minutes: float, user: str = "ada") -> Event:
    return events.Left(at=at(minutes), user=user)


def forcesaved(
    minutes: float, version: int, trigger: Trigger = Trigger.COMMAND, *, head: bool = True
) -> Event:
    return events.Forcesaved(
        at=at(minutes),
        offer=f"o{version}",
        version=version,
        sha256="s",
        size=1,
        trigger=trigger,
        lag=1,
        head=head,
    )


def closed(minutes: float, reason: CloseReason = CloseReason.SAVED) -> Event:
    return events.Closed(at=at(minutes), reason=reason)


def drawn(told: Sequence[tuple[str, Event]], format_: Format = WIDE, now: float = 10_000_000) -> Picture:
    picture = draw(recorded(*told), NAMES, at(now), format_)
    assert picture is not None
    return picture


def session(*facts: Event, key: str = "k") -> list[tuple[str, Event]]:
    return [(f"document/{key}", fact) for fact in facts]


def row(picture: Picture, label: str):  # type: ignore[no-untyped-def]
    (found,) = [row for row in picture.rows if row.label == label]
    return found


def svg_of(picture: Picture) -> ET.Element:
    return ET.fromstring(TEMPLATE.render(it=picture, name="<b>\u202e.docx").strip())


# -- a story -------------------------------------------------------------------------------------------


def test_presence_lasts_from_joining_to_leaving() -> None:
    told = session(
        opened(0), admitted(0), joined(0), admitted(5, "bob"), joined(5, "bob"), left(10), closed(20)
    )
    ada, bob = row(drawn(told), "Ada"), row(drawn(told), "Bob")
    (there,), (till_the_end,) = ada.bars, bob.bars
    assert (there.start, there.end) == (at(0), at(10))
    assert till_the_end.end == at(20), "whoever is there when a session closes has left it"
    assert till_the_end.width == pytest.approx(1.5 * there.width)
    assert not ada.marks


def test_who_is_still_there_has_an_open_end() -> None:
    picture = drawn(session(opened(0), admitted(0), joined(0)), now=30)
    (bar,) = row(picture, "Ada").bars
    assert bar.end is None
    assert picture.sessions[0].end is None
    assert bar.x + bar.width == pytest.approx(WIDE.width - 24)
    assert "still open" in picture.words


def test_a_final_save_ends_everybodys_presence() -> None:
    final = events.SaveOffered(
        at=at(9), offer="o", url="u", status=2, trigger=Trigger.FINAL, filetype="docx", users=("ada",)
    )
    picture = drawn(session(opened(0), joined(0), final, closed(12)))
    assert row(picture, "Ada").bars[0].end == at(9)


def test_who_was_let_in_and_never_came_is_a_tick_and_a_viewer_a_hollow_one() -> None:
    told = session(opened(0), admitted(1), admitted(2, "bob", Mode.VIEW), closed(30))
    ((came,), (looked,)) = (row(drawn(told), who).marks for who in ("Ada", "Bob"))
    assert (came.hollow, looked.hollow) == (False, True)
    assert came.shape == looked.shape == "admitted"


def test_saves_differ_by_shape_and_those_beside_the_head_are_hollow() -> None:
    told = session(
        opened(0),
        forcesaved(10, 2),
        forcesaved(20, 3, Trigger.BUTTON),
        forcesaved(40, 4, Trigger.FORM, head=False),
        events.Saved(at=at(60), offer="o", version=5, sha256="s", size=1, lag=1),
        closed(80),
    )
    picture = drawn(told)
    assert [mark.shape for mark in row(picture, "Auto-saves").marks] == ["auto"]
    saves = row(picture, "Saves").marks
    assert [(mark.shape, mark.hollow) for mark in saves] == [
        ("button", False),
        ("form", True),
        ("final", False),
    ]


def test_a_sessions_save_is_drawn_once_though_the_file_tells_it_too() -> None:
    version = events.VersionAdded(
        at=at(10), number=2, sha256="s", size=1, trigger=Trigger.BUTTON, filetype="docx", head=True, offer="o"
    )
    told = [*session(opened(0), forcesaved(10, 2, Trigger.BUTTON)), ("file/f", version)]
    assert sum(mark.count for mark in row(drawn(told), "Saves").marks) == 1


def test_troubles_have_their_lane() -> None:
    def errored(minutes: float, next_: Next) -> Event:
        return events.Errored(
            at=at(minutes), source=Source.DOWNLOAD, detail="It broke.", attempt=1, next=next_
        )

    told = session(
        opened(0), errored(10, Next.RETRY), errored(30, Next.QUARANTINE), closed(60, CloseReason.LOST)
    )
    assert [mark.shape for mark in row(drawn(told), "Troubles").marks] == ["error", "quarantine", "lost"]


def test_sessions_that_lie_months_apart_are_all_readable() -> None:
    day = 24 * 60
    told = [
        fact
        for month in range(6)
        for fact in session(
            *(opened(month * 30 * day), admitted(month * 30 * day), joined(month * 30 * day)),
            *(closed(month * 30 * day + 20),),
            key=f"k{month}",
        )
    ]
    for format_ in (WIDE, NARROW):
        picture = drawn(told, format_)
        assert len(picture.sessions) == 6
        assert len(picture.breaks) == 5
        assert min(bar.width for bar in picture.sessions) > 20


def test_many_saves_of_a_moment_are_one_mark_that_counts_them() -> None:
    told = session(opened(1), *(forcesaved(5 + n / 100, n) for n in range(12)), closed(9))
    (mark,) = row(drawn(told), "Auto-saves").marks
    assert (mark.count, mark.words) == (12, "12 auto-saves")
    assert (mark.at, mark.until) == (at(5), at(5.11))


def test_a_crowd_is_capped_and_counted() -> None:
    people = {f"u{n}": f"User {n}" for n in range(20)}
    told = recorded(*session(opened(0), *(joined(n, user) for n, user in enumerate(people)), closed(60)))
    picture = draw(told, people, at(60), WIDE)
    assert picture is not None
    assert [row.label for row in picture.rows][-1] == "and 13 others"
    assert len(picture.rows) == WIDE.people


def test_what_begins_in_the_middle_is_drawn_from_where_it_is_known() -> None:
    picture = drawn(session(left(5), forcesaved(9, 4), closed(12)))
    assert picture.sessions[0].start == at(5)
    assert len(row(picture, "Ada").bars) == 1


def test_nothing_is_drawn_of_nothing() -> None:
    assert draw([], {}, START) is None


def test_the_picture_is_told_in_words_too() -> None:
    svg = svg_of(drawn(session(opened(0), joined(0), forcesaved(5, 2), forcesaved(50, 3), closed(60))))
    assert svg.get("role") == "img"
    labels = [svg.find(f".//*[@id='{id_}']") for id_ in str(svg.get("aria-labelledby")).split()]
    assert "1 session. There: Ada. 2 auto-saves." in [label.text for label in labels if label is not None]


# -- any history ---------------------------------------------------------------------------------------

USERS = st.sampled_from(sorted(NAMES))
# Seconds apart mostly, sometimes years, and sometimes the clock goes backwards.
PAUSES = st.one_of(st.floats(0, 120), st.floats(-600, 10**8), st.just(0.0))


@st.composite
def facts(draw_: st.DrawFn, moment: datetime) -> Event:
    kind = draw_(st.sampled_from(["in", "join", "join", "leave", "save", "save", "close", "again", "error"]))
    user = draw_(USERS)
    match kind:
        case "in":
            mode = draw_(st.sampled_from(list(Mode)))
            return events.Admitted(at=moment, user=user, name=NAMES[user], mode=mode, address="::1")
        case "join":
            return events.Joined(at=moment, user=user)
        case "leave":
            return events.Left(at=moment, user=user)
        case "save":
            return events.Forcesaved(
                at=moment,
                offer="o",
                version=draw_(st.integers(1, 10**6)),
                sha256="s",
                size=1,
                trigger=draw_(st.sampled_from(list(Trigger))),
                lag=0,
                head=draw_(st.booleans()),
            )
        case "close":
            return events.Closed(at=moment, reason=draw_(st.sampled_from(list(CloseReason))))
        case "again":
            return events.Reopened(at=moment, user=user, standing=Standing.LIVE)
    return events.Errored(
        at=moment,
        source=Source.SERVER,
        detail=draw_(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=300)),
        attempt=1,
        next=draw_(st.sampled_from(list(Next))),
    )


@st.composite
def histories(draw_: st.DrawFn) -> list[tuple[str, Event]]:
    moment, told = START, []
    for _ in range(draw_(st.integers(1, 60))):
        moment += timedelta(seconds=draw_(PAUSES))
        stream = draw_(st.sampled_from(["document/a", "document/b", "document/c"]))
        told.append((stream, draw_(facts(moment))))
    shared = events.Shared(at=moment, user="*", name="everybody", access=Access.EDIT, by="ada")
    return [*told, ("file/f", shared)] * draw_(st.sampled_from([1, 1, 1, 40]))


def coordinates(svg: ET.Element) -> list[tuple[float, float]]:
    """Where everything is; of paths, the point that they begin at."""
    found = []
    for element in svg.iter():
        x, y = element.get("x"), element.get("y")
        if x and y:
            right = float(x) + float(element.get("width", 0))
            found += [(float(x), float(y)), (right, float(y) + float(element.get("height", 0)))]
        if element.tag == "path":
            for point in re.findall(r"M(-?[\d.]+) (-?[\d.]+)", element.get("d", "")):
                found.append((float(point[0]), float(point[1])))
    return found


@settings(max_examples=150, deadline=None)
@given(histories(), st.sampled_from([WIDE, NARROW]))
def test_any_history_is_a_sound_picture_of_bounded_size(
    told: list[tuple[str, Event]], format_: Format
) -> None:
    picture = draw(recorded(*told), NAMES, max(fact.at for _, fact in told), format_)
    assert picture is not None
    text = TEMPLATE.render(it=picture, name=NAMES["eve"])
    assert len(text.encode()) < BOUND
    svg = ET.fromstring(text.strip())
    assert svg.get("viewBox") == f"0 0 {picture.format.width} {picture.height}"
    for x, y in coordinates(svg):
        assert 0 <= x <= picture.format.width
        assert 0 <= y <= picture.height
    marks = sum(mark.count for row in picture.rows for mark in row.marks if row.kind != "user")
    assert marks >= sum(isinstance(fact, events.Forcesaved | events.Errored) for _, fact in told)


def test_thousands_of_facts_stay_small() -> None:
    told = session(opened(0))
    for n in range(4000):
        user = sorted(NAMES)[n % 5]
        told += session(joined(n * 7, user), forcesaved(n * 7 + 1, n), left(n * 7 + 2, user))
    for format_ in (WIDE, NARROW):
        picture = drawn(told, format_, now=28_000)
        assert len(TEMPLATE.render(it=picture, name="a.docx").encode()) < BOUND
        assert sum(mark.count for mark in row(picture, "Auto-saves").marks) == 4000
