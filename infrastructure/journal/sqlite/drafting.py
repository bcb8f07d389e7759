"""Transactions that are written on the event loop, and made durable in a thread.

A statement takes microseconds where its pages are in memory. In a thread it takes turns with the event loop
at Python's one lock, statement by statement: a third of all that a small callback cost. Only a commit waits
for the disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from infrastructure.databases import connected
from infrastructure.journal import events_table
from infrastructure.journal.ledger import Entry
from infrastructure.journal.recording import read_off, rows


def insert(cursor: sqlite3.Cursor, entries: Sequence[Entry]) -> Sequence[int]:
    """The facts' positions. Raises sqlite3.Error, and the library's IntegrityError."""
    positions = []
    for row in rows(entries, lambda *place: events_table.link_of(cursor, *place)):
        cursor.execute(events_table.INSERT, row)
        assert cursor.lastrowid is not None
        positions.append(cursor.lastrowid)
    read_off(cursor, entries, positions)
    return positions


class Draft:
    """One transaction after the other, on a connection that waits for nobody's lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def begin(self) -> None:
        """Raises sqlite3.OperationalError at once where somebody else writes."""
        if self._connection is None:
            self._connection = connected(self._path, 0, mode="rw", shared=True)
        self._connection.execute("BEGIN IMMEDIATE")

    def write(self, entries: Sequence[Entry]) -> None:
        """Raises sqlite3.Error, and the library's IntegrityError."""
        assert self._connection is not None, "it has begun"
        insert(self._connection.cursor(), entries)

    def commit(self) -> None:
        """Blocking. Raises sqlite3.Error."""
        assert self._connection is not None, "it has begun"
        self._connection.commit()

    def drop(self) -> None:
        """Nothing is left of what was not committed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
