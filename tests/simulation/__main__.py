"""Plays one history and prints its log: python -m tests.simulation "History(…)"."""

from __future__ import annotations

import sys

import pytest_trio.plugin  # noqa: F401  # makes Trio's scheduler deterministic

from tests.simulation.history import History
from tests.simulation.stage import staged

if __name__ == "__main__":
    history: History = eval(sys.argv[1], {"History": History})
    played = staged(history)
    print("\n".join(played.witness.lines))
    print("\n".join(played.faults) or "Nothing was lost.")
    sys.exit(bool(played.faults))
