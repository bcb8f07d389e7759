"""Many histories, each with its own faults and interleavings; and those that once lost something."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings

from tests.simulation.history import History, among_nodes, histories
from tests.simulation.stage import play

ASKED = os.environ.get("HISTORIES")
USUAL = 600

ONCE = {
    "the server's clock was behind, so that one failed download was the last": [
        ("clock", -4000, 0.0),
        ("trouble", ("download", "error"), 2, 0.0, 0.0),
        ("type", 0, 0, 1.0),
        ("leave", 0, 0, 31.0),
    ],
    "one refusal after other failures was taken for a dead url": [
        ("trouble", ("download", "error"), 5, 0.0, 0.0),
        ("trouble", ("download", "cut"), 1, 0.0, 0.0),
        ("trouble", ("download", "gone"), 1, 0.0, 0.0),
        ("trouble", ("command", "refuse"), 5, 0.0, 0.0),
        ("type", 0, 0, 1.0),
        ("leave", 0, 0, 950.0),
    ],
    "changes were left at the server, whose key was retired because the file had moved on": [
        ("save", 0, 0, 0.3),
        ("trouble", ("callback", "lost"), 1, 0.0, 0.0),
        ("vanish", 0, 0, 0.0),
        ("type", 1, 0, 0.3),
        ("restore", 0, 0, 0.0),
        ("type", 1, 0, 950.0),
        ("type", 1, 0, 0.3),
        ("leave", 1, 0, 0.0),
        ("crash", 0.0, 0.0),
        ("wait", 260.0),
        ("type", 0, 0, 0.0),
    ],
    "a forcesave was recorded late, after the recovered file": [
        ("save", 0, 0, 0.3),
        ("trouble", ("journal", "down"), 1, 950.0, 0.0),
        ("type", 0, 0, 0.1),
        ("save", 0, 0, 0.1),
        ("type", 0, 0, 0.1),
        ("leave", 0, 0, 0.0),
    ],
    "somebody was let in on the old text while the newer save waited to be recorded": [
        ("type", 0, 0, 0.3),
        ("trouble", ("journal", "before"), 1, 0.0, 0.0),
        ("trouble", ("journal", "down"), 1, 950.0, 0.0),
        ("leave", 0, 0, 950.0),
        ("type", 0, 0, 0.0),
    ],
    "a late status 4 would close what somebody edits": [
        ("save", 0, 0, 31.0),
        ("trouble", ("callback", "delay"), 1, 2.0, 0.0),
        ("leave", 0, 0, 0.3),
        ("type", 1, 0, 20.0),
    ],
    "the journal fails for longer than a callback can wait": [
        ("type", 0, 0, 1.0),
        ("trouble", ("journal", "down"), 1, 950.0, 0.0),
        ("leave", 0, 0, 950.0),
    ],
}


@given(histories)
@settings(
    max_examples=int(ASKED or USUAL),
    deadline=None,
    database=None,
    derandomize=ASKED is None,
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)
def test_nothing_is_lost_whatever_happens(history: History) -> None:
    play(history)


@given(histories)
@settings(
    max_examples=int(ASKED or USUAL) // 6,
    deadline=None,
    database=None,
    derandomize=ASKED is None,
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)
def test_nothing_is_lost_when_results_come_in_another_type(history: History) -> None:
    play(history._replace(office_xml=True))


@given(among_nodes)
@settings(
    max_examples=int(ASKED or USUAL) // 3,
    deadline=None,
    database=None,
    derandomize=ASKED is None,
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)
def test_nothing_is_lost_whatever_happens_to_several_nodes(history: History) -> None:
    play(history)


@pytest.mark.parametrize("policy", ["always", "durable"])
@pytest.mark.parametrize("steps", ONCE.values(), ids=ONCE.keys())
def test_a_history_that_would_lose_something_without_care(
    steps: list[tuple[object, ...]], policy: str
) -> None:
    play(History(0, policy, steps))


@pytest.mark.parametrize("policy", ["always", "durable"])
@pytest.mark.parametrize("steps", ONCE.values(), ids=ONCE.keys())
def test_nor_do_several_nodes_lose_it(steps: list[tuple[object, ...]], policy: str) -> None:
    for seed in range(4):
        play(History(seed, policy, steps, nodes=2 + seed % 2))
