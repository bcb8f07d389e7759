"""Which database a log is in."""

from __future__ import annotations

from pathlib import Path

from infrastructure.journal.ledger import Ledger
from infrastructure.journal.postgres import compacting as postgres
from infrastructure.journal.postgres.ledger import PostgresLedger
from infrastructure.journal.sqlite import compacting as sqlite
from infrastructure.journal.sqlite.ledger import SqliteLedger

PATIENCE = 30.0  # seconds until the database is ours


def ledger_at(place: Path | str) -> Ledger:
    """The file of a database in SQLite, or the url of one in PostgreSQL. Raises PersistenceError, OSError."""
    return PostgresLedger(place) if isinstance(place, str) else SqliteLedger(place)


def compact(place: Path | str, patience: float = PATIENCE) -> str:
    """Why texts that were overwritten are still in it, in words for people; empty if they are not."""
    return postgres.compact(place, patience) if isinstance(place, str) else sqlite.compact(place, patience)
