"""A short storm for each policy; `make chaos` makes longer ones."""

from __future__ import annotations

import pytest

from tests.chaos.storm import storm

PATIENCE = 300  # seconds
SHORT = ("--kills", "4", "--documents", "20")


@pytest.mark.parametrize(("policy", "seed"), [("always", "7"), ("durable", "12")])
def test_no_save_is_lost_whatever_is_killed_when(policy: str, seed: str) -> None:
    told = storm(PATIENCE, *SHORT, "--policy", policy, "--seed", seed)
    assert (told["policy"], told["seed"], told["kills"]) == (policy, int(seed), 4)
    assert (told["lost"], told["duplicated"], told["out_of_order"]) == (0, 0, 0)
    assert told["stored"] == told["acknowledged"] > 20, "too little was saved to prove anything"
