"""Which database a log is in."""

from __future__ import annotations

from pathlib import Path

from infrastructure.journal.ledger import Ledger
from infrastructure.journal.postgres.ledger import PostgresLedger
from infrastructure.journal.sqlite.ledger import SqliteLedger


def ledger_at(place: Path | str) -> Ledger:
    """The file of a database in SQLite, or the url of one in PostgreSQL. Raises PersistenceError, OSError."""
    return PostgresLedger(place) if isinstance(place, str) else SqliteLedger(place)
