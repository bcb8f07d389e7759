"""The journal: the `eventsourcing` library's event store, with read models in the same transaction."""

from infrastructure.journal.journal import LedgerJournal

__all__ = ["LedgerJournal"]
