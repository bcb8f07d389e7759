"""Thinning: only automatic saves, only by age, and always the last of a slot and of a session stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import events
from domain.file import File
from domain.retention import ALL, AUTOMATIC, DAILY, HOURLY, NONE, WEEKLY, Policy, Stage, thin
from domain.words import Trigger
from tests.story import at

HOUR, DAY = 3600, 86400
STAGED = Policy((Stage(timedelta(days=1), ALL), Stage(timedelta(days=7), HOURLY)), DAILY)


@dataclass(frozen=True)
class Version:
    number: int
    created: datetime
    trigger: Trigger = Trigger.COMMAND
    key: str | None = "k"
    head: bool = True


def thinned(
    versions: Sequence[Version],
    policy: Policy,
    now: float,
    needed: frozenset[int] = frozenset(),
    head: int = 0,
) -> tuple[int, ...]:
    facts = thin(File("a.docx", "ada", "Ada", head=head), versions, policy, at=at(now), needed=needed)
    return tuple(number for fact in facts if isinstance(fact, events.Thinned) for number in fact.numbers)


def saves(*seconds: float) -> list[Version]:
    return [Version(number, at(second)) for number, second in enumerate(seconds, start=1)]


def test_by_default_everything_is_kept() -> None:
    assert Policy().keeps_all
    assert thinned(saves(*range(0, 100 * DAY, DAY // 4)), Policy(), 1000 * DAY) == ()


@pytest.mark.parametrize(
    ("now", "gone"),
    [
        (DAY - 1, ()),
        (DAY + HOUR, (1, 2)),  # of each hour the last one stays
        (9 * DAY, (1, 2, 3, 4)),  # of each day
    ],
)
def test_the_older_the_fewer(now: float, gone: tuple[int, ...]) -> None:
    assert thinned(saves(0, 1200, 2400, 3700, 5000, DAY + 1), STAGED, now) == gone


def test_after_the_last_stage_none_may_stay_but_the_sessions_result() -> None:
    policy = Policy((Stage(timedelta(days=1), ALL),), NONE)
    assert thinned(saves(0, 30, 60), policy, 3 * DAY) == (1, 2)


@pytest.mark.parametrize("trigger", sorted(set(Trigger) - AUTOMATIC))
def test_what_somebody_meant_or_the_server_finished_stays(trigger: Trigger) -> None:
    versions = [Version(number, at(number), trigger) for number in (1, 2, 3)]
    assert thinned(versions, Policy((), NONE), 1000 * DAY) == ()


def test_the_last_that_became_the_head_stays_beside_the_last_that_was_beaten() -> None:
    versions = [
        Version(1, at(1)),
        Version(2, at(2)),
        Version(3, at(3), head=False),
        Version(4, at(4), Trigger.UPLOAD, key=None),
    ]
    assert thinned(versions, Policy((), NONE), 1000 * DAY) == (1,)


# -- properties ----------------------------------------------------------------------------------------

STEPS = [ALL, HOURLY, DAILY, WEEKLY, NONE]


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    count = draw(st.integers(1, 4))
    slots = sorted(draw(st.lists(st.sampled_from(STEPS), min_size=count, max_size=count)))
    ages = sorted(draw(st.lists(st.integers(1, 60), min_size=count - 1, max_size=count - 1)))
    stages = tuple(Stage(timedelta(days=age), slot) for age, slot in zip(ages, slots, strict=False))
    return Policy(stages, slots[-1])


@st.composite
def histories(draw: st.DrawFn) -> list[Version]:
    moments = sorted(draw(st.lists(st.integers(0, 60 * DAY), max_size=40)))
    triggers = st.sampled_from([*AUTOMATIC, *AUTOMATIC, Trigger.BUTTON, Trigger.FINAL, Trigger.CONFLICT])
    keys = st.sampled_from(["k1", "k2", None])
    return [
        Version(number, at(moment), draw(triggers), draw(keys), draw(st.booleans()))
        for number, moment in enumerate(moments, start=1)
    ]


NUMBERS = st.frozensets(st.integers(1, 40), max_size=5)
LATER = st.integers(60 * DAY, 200 * DAY)


@given(histories(), policies(), LATER, NUMBERS, st.integers(1, 40))
def test_only_automatic_saves_go_and_never_what_is_needed(
    versions: list[Version], policy: Policy, now: int, needed: frozenset[int], head: int
) -> None:
    gone = set(thinned(versions, policy, now, needed, head))
    assert all(version.trigger in AUTOMATIC for version in versions if version.number in gone)
    assert not gone & (needed | {head})
    kept = [version for version in versions if version.number not in gone]
    for head_or_beside in (True, False):
        for key in {version.key for version in versions}:
            mine = [v.number for v in versions if (v.key, v.head) == (key, head_or_beside)]
            assert not mine or mine[-1] in {v.number for v in kept}


@given(histories(), policies(), LATER)
def test_what_is_young_enough_stays_and_of_each_slot_the_last(
    versions: list[Version], policy: Policy, now: int
) -> None:
    gone = set(thinned(versions, policy, now))
    automatic = [version for version in versions if version.trigger in AUTOMATIC]
    for version in automatic:
        slot = policy.slot(at(now) - version.created)
        if version.number not in gone or slot == NONE:
            continue
        assert slot != ALL
        assert any(
            other.number > version.number
            and other.number not in gone
            and other.created - version.created < slot
            for other in automatic
        )


@given(histories(), policies(), LATER, st.integers(0, 100 * DAY))
def test_it_does_not_matter_how_often_one_thins(
    versions: list[Version], policy: Policy, now: int, pause: int
) -> None:
    gone = set(thinned(versions, policy, now))
    kept = [version for version in versions if version.number not in gone]
    assert thinned(kept, policy, now) == ()
    in_steps = gone | set(thinned(kept, policy, now + pause))
    assert in_steps == set(thinned(versions, policy, now + pause))
