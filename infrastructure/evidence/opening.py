"""A log opened for a check, whichever database it is in."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from infrastructure.evidence import in_postgres, in_sqlite
from infrastructure.evidence.inspecting import Inspection


def inspection_of(place: Path | str) -> AbstractContextManager[Inspection]:
    """Once entered it raises CannotCheck, Damaged."""
    return in_postgres.inspection(place) if isinstance(place, str) else in_sqlite.inspection(place)
