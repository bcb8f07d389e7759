"""A log that is being copied: written to by us alone, and no service begins with it before its release.

Everything is done in short transactions, so that a kill leaves what the next run can go on from. Blocking.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Protocol

from infrastructure.journal.postgres.connections import Overdue
from infrastructure.migrating.logs import Log, Row, connect
from infrastructure.migrating.postgres_copy import PostgresCopy
from infrastructure.migrating.sqlite_copy import SqliteCopy
from infrastructure.migrating.tables import Table


class Copy(Protocol):
    """`transaction` must be around whatever writes."""

    name: str  # to be shown

    @property
    def place(self) -> Path | str:
        """Of what there is of it now."""
        ...

    def last(self) -> int: ...

    def mark(self) -> None:
        """From now on no service begins with it. Raises CannotCopy."""
        ...

    def opened(self) -> AbstractContextManager[Log]:
        """As it is now."""
        ...

    def transaction(self) -> AbstractContextManager[object]: ...

    def insert(self, table: Table, rows: Iterable[Row]) -> None: ...

    def run(self, sql: str, rows: Sequence[Row]) -> None: ...

    def proven(self) -> int:
        """Up to which position the log was found whole by an earlier run."""
        ...

    def note(self, proven: int) -> None: ...

    def forget(self) -> None:
        """What was noted."""
        ...

    def release(self) -> None: ...


@contextmanager
def copy_at(place: Path | str) -> Iterator[Copy]:
    """Raises CannotCopy, sqlite3.Error, psycopg.Error, OSError."""
    if isinstance(place, Path):
        with closing(SqliteCopy(place)) as copy:
            yield copy
    else:
        overdue = Overdue()
        with closing(overdue), closing(connect(place)) as connection:
            yield PostgresCopy(place, connection, overdue)
