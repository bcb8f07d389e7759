"""A log that is being copied to SQLite. Blocking."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from infrastructure.durable import Folders
from infrastructure.journal.sqlite import tables, upgrading
from infrastructure.migrating.logs import LAST, SLOW, CannotCopy, Row, opened, writing
from infrastructure.migrating.statements import FORGET, MARK, NOTE, PROVEN, RELEASE
from infrastructure.migrating.tables import Table


class SqliteCopy:
    """Under another name until it is released."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path, self.place = path, path.with_name(f"{path.name}.copying")
        if path.exists():
            raise CannotCopy(f"There is {path} already: name a file that is not there.")
        self._folders = Folders(os.fsync)
        self._folders.make(path.parent)
        os.close(os.open(self.place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        self._connection = sqlite3.connect(self.place, isolation_level=None, timeout=SLOW)
        self.opened = partial(opened, self.place)

    def last(self) -> int:
        return self._number(LAST) if self._number("SELECT count(*) FROM sqlite_schema") else 0

    def mark(self) -> None:
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "secure_delete = ON"):
            self._connection.execute(f"PRAGMA {pragma}").fetchall()
        with self.transaction():
            if self._number(upgrading.VERSION) not in {0, upgrading.CURRENT}:
                raise CannotCopy(f"{self.place} was begun by another release: remove it.")
            for statement in (*tables.TABLES, *tables.INDEXES, MARK):
                self._connection.execute(statement)
            upgrading.stamp(self._connection.cursor())

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with writing(self.name):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def insert(self, table: Table, rows: Iterable[Row]) -> None:
        self._connection.executemany(table.insert, rows)

    def run(self, sql: str, rows: Sequence[Row]) -> None:
        self._connection.executemany(sql, rows)

    def proven(self) -> int:
        return self._number(PROVEN)

    def note(self, proven: int) -> None:
        self._connection.execute(NOTE, (proven,))

    def forget(self) -> None:
        self._connection.execute(FORGET)

    def release(self) -> None:
        self._connection.execute(RELEASE)
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._connection.execute("PRAGMA journal_mode = DELETE").fetchall()
        self._connection.close()
        with self.place.open("rb") as file:
            os.fsync(file.fileno())
        self.place.rename(self._path)
        self._folders.sync(self._path.parent)

    def close(self) -> None:
        self._connection.close()

    def _number(self, sql: str) -> int:
        return int(self._connection.execute(sql).fetchone()[0])
