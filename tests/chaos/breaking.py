"""What can be broken behind one Docledger that keeps all it has in a folder."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import trio

from tests.chaos.plan import Fault, Kind

LOCKING = 20.0  # seconds until the journal's lock must be had


class Breaking(Protocol):
    async def suffer(self, fault: Fault) -> None:
        """From its beginning to its end."""
        ...

    def last_offer(self) -> int | None:
        """The position of the latest in the log; None where it cannot be read just now."""
        ...


@dataclass(frozen=True, slots=True)
class Folder:
    data: Path

    async def suffer(self, fault: Fault) -> None:
        blobs = fault.kind is Kind.BLOBS
        with blobs_broken(self.data / "blobs") if blobs else journal_locked(self.data / "docledger.db"):
            await trio.sleep(fault.seconds)

    def last_offer(self) -> int | None:
        with suppress(sqlite3.Error):
            return last_offer(self.data / "docledger.db")
        return None


@contextmanager
def blobs_broken(root: Path) -> Iterator[None]:
    """Where drafts belong is a file: nothing can be written, not even by root."""
    drafts, aside = root / "tmp", root / "tmp-aside"
    drafts.rename(aside)
    drafts.touch()
    try:
        yield
    finally:
        drafts.unlink()
        aside.rename(drafts)


@contextmanager
def journal_locked(database: Path) -> Iterator[None]:
    """Somebody else holds the write lock: whoever wants to write hears, in the end, that it is locked."""
    with closing(sqlite3.connect(database, isolation_level=None, timeout=LOCKING)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")


def last_offer(database: Path) -> int:
    """The position of the latest offer in the log; it grows with each new one."""
    sql = "SELECT max(position) FROM stored_events WHERE topic LIKE '%SaveOffered%' AND position > ("
    sql += "SELECT max(position) - 500 FROM stored_events)"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=0)) as connection:
        return int(connection.execute(sql).fetchone()[0] or 0)
