"""What survives the process: shelves of entries in a SQLite file, or in memory while somebody holds it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

DATABASE = "standin.db"
PATIENCE = 1.0  # seconds for the other one to go
# A killed process loses nothing it has written, so no write waits for the disk; NORMAL keeps the file whole
# when the power fails. The exclusive lock keeps a second stand-in out, and dies with its holder.
SETTINGS = ("locking_mode = EXCLUSIVE", "auto_vacuum = FULL", "journal_mode = WAL", "synchronous = NORMAL")
TABLE = (
    "CREATE TABLE IF NOT EXISTS entries (shelf TEXT, key TEXT, facts TEXT NOT NULL, content BLOB NOT NULL, "
    "PRIMARY KEY (shelf, key))"
)

Facts = Mapping[str, Any]


class Entry(NamedTuple):
    facts: dict[str, Any]
    content: bytes


class Store:
    def __init__(self, folder: Path | None = None) -> None:
        if folder:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        place = folder / DATABASE if folder else ":memory:"
        self._database = sqlite3.connect(place, timeout=PATIENCE, isolation_level=None)
        for setting in SETTINGS:
            self._database.execute(f"PRAGMA {setting}")
        self._database.execute(TABLE)

    def shelf(self, name: str) -> Shelf:
        return Shelf(self._database, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._database.close()


@dataclass(frozen=True, slots=True)
class Shelf:
    """Entries by key, each written at once and whole."""

    _database: sqlite3.Connection
    _name: str

    def put(self, key: str, facts: Facts, content: bytes = b"") -> None:
        self._database.execute(
            "INSERT INTO entries VALUES (?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET facts = excluded.facts, content = excluded.content",
            (self._name, key, json.dumps(facts), content),
        )

    def get(self, key: str) -> Entry | None:
        query = "SELECT facts, content FROM entries WHERE shelf = ? AND key = ?"
        row = self._database.execute(query, (self._name, key)).fetchone()
        return Entry(json.loads(row[0]), row[1]) if row else None

    def drop(self, key: str) -> bool:
        """Whether there was one."""
        statement = "DELETE FROM entries WHERE shelf = ? AND key = ?"
        return self._database.execute(statement, (self._name, key)).rowcount > 0

    def __iter__(self) -> Iterator[str]:
        query = "SELECT key FROM entries WHERE shelf = ? ORDER BY key"
        return iter([key for (key,) in self._database.execute(query, (self._name,))])

    def __contains__(self, key: str) -> bool:
        query = "SELECT 1 FROM entries WHERE shelf = ? AND key = ?"
        return self._database.execute(query, (self._name, key)).fetchone() is not None

    def __len__(self) -> int:
        query = "SELECT count(*) FROM entries WHERE shelf = ?"
        count: int = self._database.execute(query, (self._name,)).fetchone()[0]
        return count
