"""Thousands of histories, each with its own faults and interleavings."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, given, settings

from tests.simulation.history import History, histories
from tests.simulation.stage import play

MANY = int(os.environ.get("HISTORIES", "300"))


@given(histories)
@settings(
    max_examples=MANY,
    deadline=None,
    database=None,
    derandomize="HISTORIES" not in os.environ,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
def test_nothing_is_lost_whatever_happens(history: History) -> None:
    play(history)
