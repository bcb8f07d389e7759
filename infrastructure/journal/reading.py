"""The log read beside a running service or without one, in whichever database; nothing is ever written."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from infrastructure.databases import Snapshot
from infrastructure.journal.postgres import reading as postgres
from infrastructure.journal.sqlite import reading as sqlite

LONGEST = 30.0  # seconds for an answer, or a lock


def snapshot(place: Path | str, longest: float = LONGEST) -> AbstractContextManager[Snapshot]:
    """As it is now, whatever is recorded meanwhile. Raises CannotRead, here and in what follows. Blocking."""
    if isinstance(place, str):
        return postgres.snapshot(place, longest)
    return sqlite.snapshot(place, longest)
