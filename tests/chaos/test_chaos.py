"""A short storm for each policy; `make chaos` makes longer ones."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 300  # seconds
SHORT = ("--kills", "4", "--documents", "20")


@pytest.mark.parametrize(("policy", "seed"), [("always", "7"), ("durable", "12")])
def test_no_save_is_lost_whatever_is_killed_when(policy: str, seed: str) -> None:
    storm = subprocess.run(
        [sys.executable, "-m", "tests.chaos", *SHORT, "--policy", policy, "--seed", seed],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert storm.returncode == 0, storm.stdout
    told = json.loads(storm.stdout.splitlines()[-1])
    assert (told["policy"], told["seed"], told["kills"]) == (policy, int(seed), 4)
    assert (told["lost"], told["duplicated"], told["out_of_order"]) == (0, 0, 0)
    assert told["stored"] == told["acknowledged"] > 20, "too little was saved to prove anything"
