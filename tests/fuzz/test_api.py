"""The API does what its description says, whoever asks, whatever is asked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fuzz.api import KINDS, fuzz

EXAMPLES = os.environ.get("FUZZ", "10")  # for each operation, beside the systematic ones
SEED = os.environ.get("SEED", "1")


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_asked_is_answered_as_described(kind: str, tmp_path: Path) -> None:
    outcome = fuzz(tmp_path, kind, "--max-examples", EXAMPLES, "--seed", SEED)
    assert not outcome.failures, outcome.said
    assert not outcome.crashes, outcome.log
    assert outcome.inputs > 1000
