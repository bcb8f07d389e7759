"""Small files that name people besides the log: notes on suspects, and saves that wait for the journal."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from infrastructure.durable import Draft, Folders, publish
from infrastructure.settings import Settings

Clean = Callable[[Any], Any]


def clean_notes(settings: Settings, clean: Clean) -> int:
    """How many notes on suspects were rewritten. Raises OSError."""
    places = (settings.blobs_path, settings.data_dir / "overflow")
    notes = [(note, place / "tmp") for place in places for note in (place / "quarantine").glob("*.json")]
    folders = Folders(os.fsync)
    count = 0
    for note, drafts in notes:
        for cleaned in _cleaned(note, clean):
            text = json.dumps(cleaned, indent=1).encode()
            publish(Draft(drafts, os.fsync), text, note, folders)
            count += 1
    return count


def waiting_saves(settings: Settings, clean: Clean) -> int:
    """How many saves wait for the journal that will bring back what was taken out. Raises OSError.

    They are left alone: the service that runs may be about to record them.
    """
    sidecars = (settings.data_dir / "sidecars").glob("*.json")
    return sum(1 for sidecar in sidecars for _ in _cleaned(sidecar, clean))


def _cleaned(path: Path, clean: Clean) -> Iterator[Any]:
    """What it should say instead, if anything."""
    try:
        plain = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):  # recorded meanwhile; damaged, which is not ours to mend
        return
    if (cleaned := clean(plain)) != plain:
        yield cleaned
