"""What was offered to the integrator and what it asked for: the witness of those who look for losses."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from .callbacks import Fields
from .results import Missing, Results

LIST, BYTES, FORCESAVES = "offers.jsonl", "offered", "forcesaves.jsonl"


class Notes:
    """In a file of the folder, if there is one: a line for each."""

    def __init__(self, folder: Path | None, name: str) -> None:
        self.entries: list[dict[str, Any]] = []
        self._file = folder / name if folder else None
        if self._file and self._file.exists():
            self.entries = [json.loads(line) for line in self._file.read_text().splitlines()]

    def add(self, entry: dict[str, Any]) -> None:
        self.entries.append(entry)
        if self._file:
            with self._file.open("a") as lines:
                lines.write(json.dumps(entry) + "\n")


class Offers:
    """A note of each attempt, and in the folder the bytes by their digest."""

    def __init__(self, folder: Path | None, results: Results, now: Callable[[], float]) -> None:
        self._notes = Notes(folder, LIST)
        self._folder, self._results, self._now = folder, results, now
        if folder:
            (folder / BYTES).mkdir(exist_ok=True)

    @property
    def entries(self) -> list[dict[str, Any]]:
        return self._notes.entries

    def note(self, fields: Fields, accepted: bool) -> None:
        path = unquote(urlsplit(fields["url"]).path)
        try:
            content = self._results.read(path).content
        except Missing:  # hours ago; nobody can have fetched it
            content = b""
        entry = {
            "at": self._now(),
            "key": fields["key"],
            "status": fields["status"],
            "path": path,
            "sha256": sha256(content).hexdigest(),
            "size": len(content),
            "accepted": accepted,
        }
        if self._folder:
            _keep(self._folder / BYTES / entry["sha256"], content)
        self._notes.add(entry)


def _keep(path: Path, content: bytes) -> None:
    if not path.exists():
        draft = path.with_name(f".{path.name}")
        draft.write_bytes(content)
        draft.replace(path)
