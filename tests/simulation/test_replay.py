"""A history is its own reproduction: the same choices make the same log, in any process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings

from application.disguising import Disguise
from application.repeating import repeat
from tests.simulation.history import History, histories
from tests.simulation.stage import staged

BUSY = History(
    4,
    "always",
    [
        ("type", 0, 0, 1.0),
        ("type", 1, 0, 0.0),
        ("trouble", ("callback", "duplicate"), 2, 1.0, 0.0),
        ("save", 1, 0, 0.3),
        ("upload", 2, 0, 4.0),
        ("type", 0, 0, 0.0),
        ("type", 2, 1, 31.0),
        ("kill", "reply", 3, 9.0, 31.0),
        ("leave", 0, 0, 0.0),
        ("crash", 2.0, 40.0),
        ("type", 1, 1, 7.0),
    ],
)


@given(histories)
@settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_a_history_played_twice_makes_the_same_log(history: History) -> None:
    assert staged(history).witness.lines == staged(history).witness.lines


@given(histories)
@settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_a_history_in_disguise_is_decided_as_it_was(history: History) -> None:
    facts = staged(history).docledger.journal.kept
    disguise = Disguise(facts)
    again = repeat(disguise.put_on(fact) for fact in facts)
    assert again.difference is None
    assert again.decisions == repeat(facts).decisions


def test_another_seed_is_another_interleaving() -> None:
    logs = {"\n".join(staged(BUSY._replace(seed=seed)).witness.lines) for seed in range(8)}
    assert len(logs) > 1


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_it_is_the_same_in_another_process(hash_seed: str) -> None:
    played = staged(BUSY)
    assert not played.faults
    command = [sys.executable, "-m", "tests.simulation", repr(BUSY)]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.splitlines()[:-1] == played.witness.lines
