"""Whatever fails or is killed when: every receiver is told everything, in order, and little twice."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from application.webhooks import Undelivered
from domain.words import Trigger
from tests.application.test_webhooks import A, B, Stage, version
from tests.story import joined

TROUBLES = st.sampled_from(["refuse", "accept", "fail", "mend", "lose places", "keep places"])
steps = st.one_of(
    st.tuples(st.just("save"), st.integers(1, 7)),
    st.tuples(st.just("chat"), st.integers(1, 3)),
    st.tuples(TROUBLES, st.sampled_from([A, B])),
    st.tuples(st.just("wait"), st.sampled_from([0, 0.001, 0.5, 3, 400])),
    st.tuples(st.just("kill"), st.just(0)),
)


async def do(stage: Stage, step: tuple[str, Any], number: int) -> None:
    match step:
        case ("save", count) if not stage.journal.failing:
            saved = [version(number * 10 + n, Trigger.COMMAND) for n in range(count)]
            await stage.log.tell_file("f", *saved)
        case ("chat", count) if not stage.journal.failing:
            await stage.log.tell("f", *[joined(f"user {n}") for n in range(count)])
        case ("refuse", url):
            stage.post.refusing[url] = Undelivered("HTTP 500")
        case ("accept", url):
            stage.post.refusing.pop(url, None)
        case ("fail" | "mend" as what, _):
            stage.journal.failing = what == "fail"
        case ("lose places" | "keep places" as what, _):
            stage.places.failing = what == "lose places"
        case ("wait", seconds):
            await trio.sleep(seconds)
        case ("kill", _):
            stage.kill()
            stage.start(A, B)


@given(st.lists(steps, max_size=40), st.sampled_from([0.0, 0.01, 0.7]))
@settings(max_examples=200, deadline=None)
def test_everything_is_told_at_least_once_and_in_order(script: list[tuple[str, Any]], slow: float) -> None:
    async def scenario() -> None:
        with trio.fail_after(10**7):
            async with trio.open_nursery() as nursery:
                stage = Stage(nursery)
                stage.post.seconds = slow
                await stage.log.add("f")
                stage.start(A, B)
                await trio.sleep(1)
                for number, step in enumerate(script, start=1):
                    await do(stage, step, number)
                kills = sum(step[0] == "kill" for step in script)
                stage.post.refusing.clear()
                stage.journal.failing = stage.places.failing = False
                await trio.sleep(10_000)
                wanted = [fact.position for fact in stage.journal.kept if hasattr(fact.event, "trigger")]
                for url in (A, B):
                    check(stage.post.positions(url), wanted, kills)
                    assert stage.places.stored[url].attempts == 0
                nursery.cancel_scope.cancel()

    trio.run(scenario, clock=MockClock(autojump_threshold=0))


def check(told: list[int], wanted: list[int], kills: int) -> None:
    """Only a kill may send somebody back, and then what follows is told again in its order."""
    assert list(dict.fromkeys(told)) == wanted
    assert sum(after <= before for before, after in pairwise(told)) <= kills
