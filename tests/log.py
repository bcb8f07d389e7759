"""A log of one file and its sessions in the making, every decision with its cause."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from application.causes import abridged
from application.changes import Change, DocumentChange, FileChange
from application.journal import Recorded
from domain import commands, events, words
from domain import document as documents
from domain import file as files
from domain.commands import Command
from domain.deciding import decide
from domain.document import Document
from domain.events import DocumentEvent, FileEvent
from domain.file import File
from domain.saving import decide_save
from tests.story import admit, at, present, stored, take


class Log:
    def __init__(
        self, name: str = "a.docx", owner: str = "ada", owner_name: str = "Ada", file_id: str = "f"
    ) -> None:
        self.id = file_id
        self.facts: list[Recorded] = []
        self.changes: list[Sequence[Change]] = []  # that led to them, for a journal
        self.lengths: Counter[str] = Counter()
        self.documents: dict[str, Document] = {}
        self.file: File | None = None
        self.thinned: set[int] = set()
        self.shelve(
            events.Added(at=at(), name=name, owner=owner, owner_name=owner_name),
            events.VersionAdded(
                at=at(),
                number=1,
                sha256="original",
                size=1,
                trigger=words.Trigger.UPLOAD,
                filetype="docx",
                head=True,
            ),
        )

    def shelve(self, *facts: FileEvent) -> None:
        """What people do to the file, which has no cause."""
        self.changes.append([self._shelved(facts)])

    def tell(self, key: str, command: Command) -> Sequence[DocumentEvent]:
        before = self.documents.get(key)
        shelved: Sequence[FileEvent] = ()
        if isinstance(command, commands.CommitOffer | commands.TakeStored):
            assert before
            assert self.file
            result = decide_save(key, before, self.file, command, self.thinned)
            facts, shelved = result.document, result.file
        else:
            facts = decide(before, command)
        if facts:
            changes: list[Change] = [self._told(key, before, facts, command)]
            self.changes.append([*changes, *([self._shelved(shelved)] if shelved else [])])
        return facts

    def _told(
        self, key: str, before: Document | None, facts: Sequence[DocumentEvent], command: Command
    ) -> DocumentChange:
        state = documents.replay(facts, before)
        assert state
        self.documents[key] = state
        after = self._write(f"document/{key}", facts, json.loads(json.dumps(abridged(command, facts))))
        return DocumentChange(key, after, facts, state, command)

    def _shelved(self, facts: Sequence[FileEvent]) -> FileChange:
        self.file = files.replay(facts, self.file)
        assert self.file
        for fact in facts:
            self.thinned.update(fact.numbers if isinstance(fact, events.Thinned) else ())
        return FileChange(self.id, self._write(f"file/{self.id}", facts, None), facts, self.file)

    def _write(self, stream: str, facts: Sequence[Any], cause: Any) -> int:
        after = self.lengths[stream]
        self.lengths[stream] += len(facts)
        for number, fact in enumerate(facts, start=after + 1):
            place = len(self.facts) + 1, stream, number
            self.facts.append(Recorded(*place, fact, self.id, cause if number == after + 1 else None))
        return after

    def open(self, key: str = "k", user: str = "ada", seconds: float = 0) -> None:
        assert self.file
        first = admit(user, seconds, head=self.file.head)
        file = self.file
        self.tell(
            key, commands.Open(file=self.id, name=file.name, filetype="docx", owner=file.owner, first=first)
        )
        self.tell(key, present(user, seconds=seconds + 1))

    def save(self, n: int, status: int = 6, seconds: float = 30, key: str = "k") -> None:
        self.tell(key, take(n, status, seconds))
        self.tell(key, stored(n, status, seconds + 1))
