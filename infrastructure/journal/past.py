"""What a log says of one session or file, read beside a running service or without one. Blocking."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from string import ascii_uppercase
from typing import Any, Literal

from application.journal import JournalFailed, Recorded
from infrastructure.databases import Snapshot
from infrastructure.journal.queries import EVENTS, HISTORY, recorded
from infrastructure.journal.reading import snapshot

NEAR = 5  # suggestions
LATEST = 2000  # keys and files, among which something alike is looked for
# As both databases make a text lower: of letters, only those of ASCII.
ALIKE = {**{ord(c): c.lower() for c in ascii_uppercase}, **{ord(c): f"!{c}" for c in "!%_"}}

INCIDENT = f"{EVENTS} WHERE file_id = ? AND originator_id IN (?, ?) ORDER BY position"
ALL_OF_FILE = f"{EVENTS} WHERE file_id = ? AND originator_id NOT LIKE 'reader/%' ORDER BY position"
KNOWN = "SELECT file_id FROM stored_events WHERE originator_id = ? AND originator_version = 1"
SESSIONS = "SELECT key FROM documents WHERE file_id = ? ORDER BY opened_at"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a log is asked about: a session, or a file with all its sessions."""

    kind: Literal["document", "file"]
    id: str
    file: str

    @property
    def stream(self) -> str:
        return f"{self.kind}/{self.id}"


class Past:
    def __init__(self, log: Snapshot) -> None:
        self._log = log

    @classmethod
    @contextmanager
    def open(cls, place: Path | str) -> Iterator[Past]:
        """As it is now, whatever is recorded meanwhile. Raises JournalFailed, here and in what follows."""
        with snapshot(place) as log:
            yield cls(log)

    def subject(self, id_: str) -> Subject | None:
        for kind in ("document", "file"):
            row = self._log.execute(KNOWN, (f"{kind}/{id_}",)).fetchone()
            if row:
                return Subject(kind, id_, row["file_id"])
        return None

    def stream(self, subject: Subject) -> Sequence[Recorded]:
        facts = list(self._read(HISTORY, (subject.stream, 0)))
        for number, fact in enumerate(facts, start=1):
            if fact.number != number:
                raise JournalFailed(f"Event {number} of {subject.stream} is missing.")
        return facts

    def incident(self, subject: Subject) -> Iterator[Recorded]:
        """The facts of the subject's streams and of its file's, in the order of the log."""
        if subject.kind == "file":
            return self._read(ALL_OF_FILE, (subject.file,))
        return self._read(INCIDENT, (subject.file, subject.stream, f"file/{subject.file}"))

    def sessions(self, file: str) -> Sequence[str]:
        return [row["key"] for row in self._log.execute(SESSIONS, (file,))]

    def names(self, users: Collection[str]) -> Mapping[str, str]:
        found = {}
        for user in users:
            row = self._log.execute("SELECT name FROM people WHERE id = ?", (user,)).fetchone()
            if row:
                found[user] = row["name"]
        return found

    def near(self, text: str) -> Sequence[str]:
        """Keys and file ids that may have been meant: by a file's name, by a part of them, or nearly."""
        part = f"%{text.translate(ALIKE)}%"
        named = "SELECT id FROM files WHERE lower(name) LIKE ? ESCAPE '!' LIMIT ?"
        keys = "SELECT key FROM documents WHERE lower(key) LIKE ? ESCAPE '!' ORDER BY opened_at DESC LIMIT ?"
        found = [*self._column(named, (part, NEAR)), *self._column(keys, (part, NEAR))]
        if found:
            return found[:NEAR]
        latest = [
            *self._column("SELECT key FROM documents ORDER BY opened_at DESC LIMIT ?", (LATEST,)),
            *self._column("SELECT id FROM files ORDER BY id DESC LIMIT ?", (LATEST,)),
        ]
        return get_close_matches(text, latest, NEAR)

    def _column(self, sql: str, parameters: Sequence[Any]) -> list[str]:
        return [row[0] for row in self._log.execute(sql, parameters)]

    def _read(self, sql: str, parameters: Sequence[Any]) -> Iterator[Recorded]:
        return map(recorded, self._log.stream(sql, parameters))
