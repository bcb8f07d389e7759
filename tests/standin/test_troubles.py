"""Callbacks that suffer, on the stage: what arrives, when, and what is offered according to the witness."""

from __future__ import annotations

from hashlib import sha256

import pytest
import trio
from trio.testing import MockClock

from tests.standin.stage import Stage, refused


def offers(stage: Stage) -> list[tuple[int, bool]]:
    return [(offer["status"], offer["accepted"]) for offer in stage.standin.offers.entries]


@pytest.mark.parametrize(
    ("kind", "arrivals", "told"),
    [
        ("lost", [6], [(2, False), (2, True)]),
        ("cut", [6], [(2, False), (2, True)]),
        ("deaf", [5, 6], [(2, False), (2, True)]),
        ("delay", [8], [(2, True)]),
        ("duplicate", [5, 5], [(2, True), (2, True)]),
        ("reorder", [8], [(2, True)]),
    ],
)
async def test_a_final_callback_suffers(
    stage: Stage, autojump_clock: MockClock, kind: str, arrivals: list[float], told: list[tuple[int, bool]]
) -> None:
    stage.fault("callback", kind, statuses=frozenset({2}), seconds=3)
    await stage.edit()
    left = trio.current_time()
    await stage.leave(60)
    assert [round(at - left) for at in stage.integrator.times(2)] == arrivals
    assert offers(stage) == told


async def test_the_reply_that_comes_first_counts(stage: Stage, autojump_clock: MockClock) -> None:
    stage.integrator.answers[2] = [refused]
    stage.fault("callback", "duplicate", statuses=frozenset({2}))
    await stage.edit()
    await stage.leave()
    assert offers(stage) == [(2, False), (2, True)]
    assert list(stage.standin.forgotten) == ["k"]


async def test_a_callback_is_held_back_until_the_next_is_answered(
    stage: Stage, autojump_clock: MockClock
) -> None:
    stage.fault("callback", "reorder", statuses=frozenset({6}), seconds=60)
    await stage.edit()
    await stage.command("forcesave")
    await trio.sleep(10)
    asked = trio.current_time()
    await stage.command("info")
    await trio.sleep(1)
    assert stage.integrator.statuses == [1, 1, 6]
    assert stage.integrator.times(6) == [round(asked, 2)]


async def test_faults_are_suffered_in_the_order_they_were_given(
    stage: Stage, autojump_clock: MockClock
) -> None:
    stage.fault("callback", "lost", key="another", statuses=frozenset({2}))
    stage.fault("callback", "lost", times=2, statuses=frozenset({2}))
    stage.fault("callback", "delay", seconds=10, statuses=frozenset({2}))
    assert len(stage.standin.faults) == 4
    await stage.edit()
    left = trio.current_time()
    await stage.leave(60)
    assert [round(at - left) for at in stage.integrator.times(2)] == [18]
    assert len(stage.standin.faults) == 1


async def test_what_was_offered_is_known_by_its_bytes(stage: Stage, autojump_clock: MockClock) -> None:
    await stage.edit()
    await stage.command("forcesave")
    await trio.sleep(1)
    (offer,) = stage.standin.offers.entries
    assert (offer["key"], offer["size"]) == ("k", len(b"good night"))
    assert offer["sha256"] == sha256(b"good night").hexdigest()
