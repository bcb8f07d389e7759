"""What a check asks of a log in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from infrastructure.databases import CannotRead, Snapshot, in_a_line
from infrastructure.evidence.inspecting import CannotCheck, Damaged, Inspection
from infrastructure.journal.postgres.reading import snapshot

LONGEST = 600.0  # seconds for an answer: some questions are about the whole log
# Classes of errors that speak of now, and not of what is stored: connections, transactions that may be tried
# again, privileges, resources, locks, and an administrator's word.
LOST = "08"  # is a connection that says no more than that
NOT_NOW = (LOST, "25", "40", "42501", "53", "55", "57")
# There is no sequence; but the rows by which facts are found are written with them.
GIVEN = "SELECT max(position) FROM named"


class InPostgres:
    given = GIVEN

    def __init__(self, log: Snapshot) -> None:
        self._log = log
        log.execute("SAVEPOINT sound")

    def rows(self, sql: str, *parameters: Any) -> list[Any]:
        try:
            found: list[Any] = self._log.execute(sql, parameters).fetchall()
            return found
        except UnicodeError as trouble:
            raise Damaged(str(trouble)) from trouble
        except psycopg.Error as trouble:
            if (trouble.sqlstate or LOST).startswith(NOT_NOW):
                raise CannotCheck(f"the database cannot be read now: {in_a_line(trouble)}") from trouble
            # After an error a transaction answers nothing more; its snapshot is kept.
            self._log.execute("ROLLBACK TO SAVEPOINT sound")
            raise Damaged(in_a_line(trouble)) from trouble

    def flaws(self) -> list[str]:
        """PostgreSQL says what is wrong with a page when it reads it, as all facts are."""
        return []


@contextmanager
def inspection(url: str) -> Iterator[Inspection]:
    """Raises CannotCheck, Damaged."""
    try:
        with snapshot(url, LONGEST) as log:
            yield Inspection(InPostgres(log))
    except CannotRead as trouble:
        raise CannotCheck(str(trouble)) from trouble
