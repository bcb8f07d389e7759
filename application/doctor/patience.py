"""How long an examination waits for what."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """In seconds."""

    page: float = 6  # for a GET
    answer: float = 8  # to a command, and for a result
    conversion: float = 12
    everything: float = 27  # after that it ends, whatever hangs
