"""What was offered to the integrator and whether it said yes: the witness of those who look for losses."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from .callbacks import Fields
from .results import Missing, Results

LIST, BYTES = "offers.jsonl", "offered"


class Offers:
    """In the folder, if there is one: a line for each attempt, and the bytes by their digest."""

    def __init__(self, folder: Path | None, results: Results, now: Callable[[], float]) -> None:
        self.entries: list[dict[str, Any]] = []
        self._folder, self._results, self._now = folder, results, now
        if folder:
            (folder / BYTES).mkdir(exist_ok=True)
            if (folder / LIST).exists():
                self.entries = [json.loads(line) for line in (folder / LIST).read_text().splitlines()]

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
        self.entries.append(entry)
        if self._folder:
            _keep(self._folder / BYTES / entry["sha256"], content)
            with (self._folder / LIST).open("a") as lines:
                lines.write(json.dumps(entry) + "\n")


def _keep(path: Path, content: bytes) -> None:
    if not path.exists():
        draft = path.with_name(f".{path.name}")
        draft.write_bytes(content)
        draft.replace(path)
