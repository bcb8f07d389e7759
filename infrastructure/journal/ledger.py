"""The library's event store, with our columns and read models inside its transactions. Blocking."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from eventsourcing.application import Application
from eventsourcing.persistence import Mapper, StoredEvent

from application.causes import abridged
from application.changes import Change, DocumentChange, file_of, stream_of
from application.journal import Recorded
from application.people import introduced, named_in
from infrastructure.journal import events_table, seals
from infrastructure.journal.finding import Search
from infrastructure.journal.mapper import Envelope, FactMapper

T = TypeVar("T")
compact = json.JSONEncoder(separators=(",", ":")).encode
Rewrite = tuple[bytes, bytes | None, bytes, int]  # new state, new cause, digest of the first, position


@dataclass(frozen=True, slots=True)
class Beside:
    """What is stored with a fact, besides what the library stores."""

    at: str
    file: str | None
    users: frozenset[str]
    cause: bytes | None
    salt: bytes = field(default_factory=seals.new_salt)  # also tells the fact from any other


@dataclass(frozen=True, slots=True)
class Entry:
    """Changes with their facts made ready for the store, to be recorded together."""

    changes: Sequence[Change]
    stored: Sequence[StoredEvent]
    beside: Sequence[Beside]
    names: Mapping[str, str]


class Views(Protocol):
    """A recorder of the library's, as we use it besides."""

    def query(self, sql: str, parameters: Sequence[Any], read: Callable[[Any], T]) -> list[T]: ...

    def search(self, wanted: Search) -> list[Recorded]: ...

    def open_states(self, shards: Collection[int]) -> list[tuple[str, str]]: ...

    def note(self, work: Callable[[Any], T]) -> T:
        """In a transaction of the one writer, whose cursor `work` is given."""
        ...


class Draft(Protocol):
    """One transaction after the other, of which only the last step blocks. Whatever fails, raises."""

    def begin(self) -> None: ...

    def write(self, entries: Sequence[Entry]) -> None: ...

    def commit(self) -> None:
        """Blocking."""
        ...

    def drop(self) -> None:
        """Nothing is left of what was not committed; what comes next begins anew."""
        ...


class Ledger(Application[str]):
    """All streams of one database; committed means synced."""

    name = "ledger"

    @property
    @abstractmethod
    def views(self) -> Views: ...

    @property
    def draft(self) -> Draft | None:
        """Of a database whose statements wait for nothing."""
        return None

    def construct_mapper(self) -> Mapper[str]:
        return self.factory.mapper(transcoder=self.construct_transcoder(), mapper_class=FactMapper)

    def entry(self, changes: Sequence[Change]) -> Entry:
        stored, beside = [], []
        for change in changes:
            stream = stream_of(change)
            for number, event in enumerate(change.events, start=change.after + 1):
                stored.append(self.mapper.to_stored_event(Envelope(stream, number, event)))
            beside += _beside(change)
        names = introduced(event for change in changes for event in change.events)
        return Entry(changes, stored, beside, names)

    def record(self, entries: Sequence[Entry], rewritten: Sequence[Rewrite] = ()) -> None:
        """One transaction. Raises the library's IntegrityError when any stream has moved on."""
        stored = [event for entry in entries for event in entry.stored]
        self.recorder.insert_events(stored, entries=entries, rewritten=rewritten)


def _beside(change: Change) -> list[Beside]:
    cause = None
    if isinstance(change, DocumentChange) and change.cause is not None:
        cause = compact(abridged(change.cause, change.events)).encode()
    causes = [cause, *[None] * (len(change.events) - 1)]
    return [
        Beside(events_table.stamp(fact.at), file, named_in(fact), cause)
        for fact, file, cause in zip(change.events, file_of(change), causes, strict=True)
    ]
