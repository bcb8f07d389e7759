"""Small files that name people besides the log: notes on suspects, and saves that wait for the journal."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from infrastructure.depots import FolderDepot, depot_of
from infrastructure.settings import Settings

Clean = Callable[[Any], Any]


def clean_notes(settings: Settings, clean: Clean) -> int:
    """How many notes on suspects were rewritten. Raises StorageFailed."""
    depots = (depot_of(settings), FolderDepot(settings.data_dir / "overflow"))
    count = 0
    for depot in depots:
        for name in depot.notes():
            for cleaned in _cleaned(depot.noted(name), clean):
                depot.note(name, json.dumps(cleaned, indent=1).encode())
                count += 1
    return count


def waiting_saves(settings: Settings, clean: Clean) -> int:
    """How many saves wait for the journal that will bring back what was taken out. Raises OSError.

    They are left alone: the service that runs may be about to record them.
    """
    sidecars = (settings.data_dir / "sidecars").glob("*.json")
    return sum(1 for sidecar in sidecars for _ in _cleaned(_read(sidecar), clean))


def _read(path: Path) -> bytes:
    """Nothing of what was recorded meanwhile."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _cleaned(text: bytes, clean: Clean) -> Iterator[Any]:
    """What it should say instead, if anything; what is damaged is not ours to mend."""
    with suppress(ValueError):
        plain = json.loads(text)
        if (cleaned := clean(plain)) != plain:
            yield cleaned
