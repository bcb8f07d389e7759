"""The API does what its description says, whoever asks, whatever is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.amount import FUZZ, SEED, USUAL
from tests.fuzz.api import KINDS, fuzz


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_asked_is_answered_as_described(kind: str, tmp_path: Path) -> None:
    phases = ("--phases", "coverage") if kind == "nobody" else ()
    outcome = fuzz(tmp_path, kind, "--max-examples", str(FUZZ or USUAL), "--seed", SEED, *phases)
    print(f"{outcome.inputs} requests as {kind}")
    assert not outcome.failures, outcome.said
    assert not outcome.crashes, outcome.log
    assert outcome.inputs > 1000
