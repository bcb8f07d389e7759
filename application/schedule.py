"""What is due when for one open document: the actor's clock, in seconds of Trio's."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from math import inf

from application.nodes import Nodes, shard_of
from application.world import Patience
from domain import events
from domain.document import Document
from domain.events import DocumentEvent
from domain.presence import UNORDERED

CALLED = events.Joined | events.Left | events.SaveOffered  # what callbacks lead to
ROUNDING = 1e-6  # of an interval: a moment that close to a phase is that phase


class Schedule:
    def __init__(self, key: str, patience: Patience, nodes: Nodes) -> None:
        self._patience = patience
        self._nodes, self._shard = nodes, shard_of(key)
        self.moved()
        # The documents' phases are spread, so that a thousand of them do not ask in the same second.
        self._phase = patience.autosave * int.from_bytes(sha256(key.encode()).digest()[:4]) / 2**32
        self._apart = patience.autosave / 3  # at least: who was paused and is late must not ask twice
        self.reload_at = -inf
        self.admitted_at: datetime | None = None  # the last admission to edit, recorded or not
        self.nothing_new_at: datetime | None = None  # the server's last answer that there is nothing to save
        self.info_running = False
        self.closing_word = False  # a status 4 came while `info` was asked
        self.orphaned_since: datetime | None = None  # the server has changes that nobody edits
        self._admitted_until = -inf
        self._info_at = inf
        self._doubtful = False  # `info` is to confirm a status 4, whosever the document is
        self._autosave_at = inf
        self._autosave_running = False
        self._rest_at = inf

    @property
    def ours(self) -> bool:
        """Whether this node looks after the document: it ceases to at once, and begins when it is told."""
        return self._held and self._shard in self._nodes.shards

    def moved(self) -> None:
        self._held = self._shard in self._nodes.shards

    def due(self, document: Document | None, *, busy: bool) -> float:
        rest = inf if busy or self._needed(document) else self._rest_at
        autosave = self._autosave_at if self._wanted(document) else inf
        return min(rest, autosave, self._info_at if self._askable(document) else inf)

    def _needed(self, document: Document | None) -> bool:
        """Whether there is something to wait for here."""
        if document is None or not (self.ours or self._doubtful):
            return False
        return not document.closed or bool(document.offers)

    def _wanted(self, document: Document | None) -> bool:
        if document is None or document.closed or self._autosave_running or not self.ours:
            return False
        return bool(document.users) or self._autosave_at < self._admitted_until

    def _askable(self, document: Document | None) -> bool:
        is_open = document is not None and not document.closed
        return is_open and not self.info_running and (self.ours or self._doubtful)

    def autosave_due(self, document: Document | None, now: float) -> bool:
        return self._wanted(document) and self._autosave_at <= now

    def info_due(self, document: Document | None, now: float) -> bool:
        return self._askable(document) and self._info_at <= now

    def rested(self, document: Document | None, now: float, *, busy: bool) -> bool:
        return not busy and not self._needed(document) and self._rest_at <= now

    def learned(
        self, document: Document | None, news: Iterable[DocumentEvent], now: float, wall: datetime
    ) -> None:
        """Read from the log: others have recorded it, or we did in another life."""
        if any(isinstance(fact, CALLED) for fact in news):
            self.heard(now, unchanged=False)
        if document and not document.closed and document.admitted_at:
            age = max(0.0, (wall - document.admitted_at).total_seconds())
            self._admitted_until = max(self._admitted_until, now + self._patience.admitted - age)

    def entered(self, document: Document | None, now: float) -> None:
        """The state is new, or whose document it is."""
        if document is None or document.closed:
            self._info_at, self._doubtful = inf, False
            self._rest_at = now + self._patience.resting
            return
        if self._info_at == inf:
            self._info_at = now + self._patience.silence
        if self._autosave_at == inf or self._autosave_at < now:
            self._autosave_at = self._next_phase(now)

    def visited(self, document: Document | None, now: float) -> None:
        """A letter came. Where the document is another node's, the actor stays for a while."""
        if document and not document.closed:
            self._rest_at = now + self._patience.resting

    def admitted(self, now: float, at: datetime) -> None:
        self.admitted_at = at
        self._admitted_until = now + self._patience.admitted
        if self._autosave_at < now:
            self._autosave_at = self._next_phase(now)

    def heard(self, now: float, *, unchanged: bool) -> None:
        """A callback came."""
        self._info_at, self._doubtful = now + self._patience.silence, False
        self.closing_word = self.closing_word or (unchanged and self.info_running)

    def doubt(self, document: Document | None, now: float) -> None:
        """A status 4 did not close the document: ask, unless the question caused it.

        The server's answer to us may land on any node, which does not know that we have asked: not before
        it may believe that answer, or each of them would ask the next.
        """
        if document and not document.closed and not self.info_running:
            unordered = UNORDERED.total_seconds() if self._nodes.several else 0.0
            self._info_at = now + (self._patience.autosave if document.offers else unordered)
            self._doubtful = True

    def expected(self, document: Document | None, now: float) -> bool:
        """Somebody was let in and has not joined yet: that the server does not know the key means nothing."""
        if document is None or now >= self._admitted_until:
            return False
        admitted = max(filter(None, (self.admitted_at, document.admitted_at)), default=None)
        return admitted is not None and (document.joined_at is None or admitted > document.joined_at)

    def autosave_began(self, now: float) -> None:
        self._autosave_running = True
        self._autosave_at = self._next_phase(now + self._apart)

    def autosave_ended(self, now: float) -> None:
        self._autosave_running = False
        self._autosave_at = max(self._autosave_at, self._next_phase(now + self._apart))

    def info_began(self) -> None:
        self.info_running, self.closing_word = True, False

    def info_ended(self, again_at: float) -> None:
        self.info_running = self._doubtful = False
        self._info_at = again_at

    def reconcile(self, at: float) -> None:
        """Then at the latest the server is asked: nobody here knows what has happened."""
        self._info_at = min(self._info_at, at)

    def _next_phase(self, now: float) -> float:
        interval = self._patience.autosave
        passed = math.floor((now - self._phase) / interval + ROUNDING)
        return self._phase + (passed + 1) * interval
