"""The rooms in the store: what a server that was killed still knows of its keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .changes import Author, Change, Final, Run
from .room import Phase, Room
from .store import Entry, Store


class Rows:
    def __init__(self, store: Store) -> None:
        self._rows = store.shelf("rows")
        self._documents = store.shelf("documents")  # apart, since a row is written with every change

    def keep(self, room: Room) -> None:
        facts = {
            "filetype": room.filetype,
            "epoch": room.epoch,
            "touched": room.touched,
            "spent_until": room.spent_until if room.phase is Phase.SPENT else None,
            "latest_callback": room.latest_callback,
            "history": room.history,
            "change": room.change,
            "final": room.final,
            "forgotten": room.forgotten,
        }
        self._rows.put(room.key, facts, room.text.encode() if room.change else b"")

    def keep_document(self, room: Room) -> None:
        self._documents.put(room.key, {}, room.document or b"")

    def document(self, key: str) -> bytes | None:
        entry = self._documents.get(key)
        return entry.content if entry else None

    def drop_document(self, key: str) -> None:
        self._documents.drop(key)

    def drop(self, key: str) -> None:
        self._rows.drop(key)
        self.drop_document(key)

    def recall(self) -> Iterator[Room]:
        """The rooms as they were, with nobody in them; their documents come when they are needed."""
        for key in self._rows:
            if entry := self._rows.get(key):
                yield _room(key, entry)


def _room(key: str, entry: Entry) -> Room:
    facts = entry.facts
    room = Room(key, facts["filetype"], epoch=facts["epoch"])
    room.touched, room.latest_callback = facts["touched"], facts["latest_callback"]
    room.history = [Run(*run) for run in facts["history"]]
    room.change = room.recalled = _change(facts["change"])
    room.text = entry.content.decode()
    room.forgotten = facts["forgotten"]
    if facts["spent_until"] is not None:
        room.phase, room.spent_until = Phase.SPENT, facts["spent_until"]
    if facts["final"]:
        status, leaver, directory = facts["final"]
        room.final = Final(status, Author(*leaver), directory)
        room.phase, room.leaver = Phase.BACKING_OFF, room.final.leaver
    return room


def _change(stored: list[Any] | None) -> Change | None:
    if stored is None:
        return None
    revision, author, at = stored
    return Change(revision, Author(*author), at)
