"""Everything a document's actor works with, and how long it waits for what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from application.journal import Journal
from application.nodes import SOLE, Nodes
from application.observing import Observer, Unobserved
from application.outages import Outages
from application.ports import Blobs, DocumentServer, Inspector
from application.sidecars import Sidecars


@dataclass(frozen=True, slots=True)
class Patience:
    """Durations in seconds."""

    autosave: float = 30
    admitted: float = 120  # so long after an admission to edit we auto-save although nobody has joined
    silence: float = 600  # no callback for so long: ask the server
    kept_there: float = 3600  # the same, once it has said that it keeps changes which nobody edits
    resting: float = 60  # the actor of a closed document, or of another node's, lingers for so long
    quiet: float = 10  # that of an open one that nobody edits
    unreachable: float = 60  # between two attempts to ask an unreachable server
    url: float = 900  # a result url's life, where it does not say (the server's urlExpires)
    backoff: float = 60  # the longest pause between two attempts to fetch
    budget: float = 120  # for a callback, before it is answered (the server waits 600)
    presence: float = 2  # for a status 1 or 4, likewise
    commit: float = 10  # an opening waits so long for a final save
    forgotten: float = 300  # between two looks for forgotten files
    reuse: float = 600  # a key closed unchanged is handed out again
    changes: float = 5  # for the record of changes, once the document itself is safe
    forms_data: float = 15  # for what was filled into a form, likewise
    converting: float = 60  # for a result of another type; at most half the budget
    orphaned: float = 61  # between two questions about changes that nobody edits
    spool: float = 5  # between two attempts to record what the journal would not take
    replacing: float = 20  # for the editors' work to be saved before a file is replaced


@dataclass(frozen=True, slots=True)
class World:
    journal: Journal
    blobs: Blobs
    inspector: Inspector
    server: DocumentServer
    sidecars: Sidecars
    now: Callable[[], datetime]  # aware UTC
    patience: Patience
    observer: Observer = field(default_factory=Unobserved)
    nodes: Nodes = SOLE
    outages: Outages = field(default_factory=Outages)

    def may_wait(self, key: str) -> bool:
        """Whether a save of the session may still have to be recorded, so that nobody knows how it ended.

        Here we know; what other nodes have laid aside they record as soon as the journal works again.
        """
        others = self.nodes.several and self.outages.within(2 * self.patience.spool)
        return others or self.sidecars.holds(key)
