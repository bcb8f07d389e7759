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
    """It outlives the actor of a document at rest, and is then all that there is of it: it stays small."""

    __slots__ = (
        "_admitted_until",
        "_autosave_at",
        "_autosave_running",
        "_doubtful",
        "_held",
        "_info_at",
        "_nodes",
        "_owed",
        "_patience",
        "_phase",
        "_rest_at",
        "admitted_at",
        "closing_word",
        "info_running",
        "nothing_new_at",
        "orphaned_since",
        "reload_at",
        "shard",
    )

    def __init__(self, key: str, patience: Patience, nodes: Nodes) -> None:
        self._patience = patience
        self._nodes, self.shard = nodes, shard_of(key)
        self.moved()
        # The documents' phases are spread, so that a thousand of them do not ask in the same second.
        self._phase = patience.autosave * int.from_bytes(sha256(key.encode()).digest()[:4]) / 2**32
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
        self._owed = False  # whoever looked after it before would have asked, so a late history makes it late
        self._rest_at = inf

    @property
    def ours(self) -> bool:
        """Whether this node looks after the document: it ceases to at once, and begins when it is told."""
        return self._held and self.shard in self._nodes.shards

    def moved(self) -> None:
        self._held = self.shard in self._nodes.shards

    @property
    def wakes_at(self) -> float:
        """When a document at rest needs its actor: to ask about it, or for an auto-save that is due soon."""
        return min(self._info_at, self._autosave_at - self._ahead)

    def took_up(self, info_at: float, now: float, *, edited: bool) -> None:
        """The document was left by another life, or another node; it is at rest until it has to be saved."""
        self.reconcile(info_at)
        if edited:
            self._autosave_at, self._owed = self._next_phase(now), True

    def laid_to_rest(self) -> None:
        """Nobody edits the document; an actor that is woken stays for a while."""
        self._autosave_at = self._rest_at = inf

    def due(self, document: Document | None, *, busy: bool) -> float:
        rest = inf if busy or self._needed(document) else self._rest_at
        autosave = self._autosave_at if self._wanted(document) else inf
        return min(rest, autosave, self._info_at if self._askable(document) else inf)

    def _needed(self, document: Document | None) -> bool:
        """Whether there is something to wait for here. Of what is open and quiet, the desk keeps the time."""
        if document is None or not (self.ours or self._doubtful):
            return False
        return bool(document.offers) or not (document.closed or self._quiet(document))

    def _quiet(self, document: Document) -> bool:
        """Nobody edits, nobody is on the way, and nothing is being found out."""
        certain = not self._doubtful and self.orphaned_since is None
        return certain and not document.users and self._autosave_at >= self._admitted_until

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
        if busy or self._needed(document) or self.info_due(document, now):
            return False
        return self._rest_at <= now

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
        self._rest_at = min(self._rest_at, now + self._lingers)
        self._owed = self._owed and bool(document.users)
        if self._autosave_at == inf or (self._autosave_at < now and not self._owed):
            self._autosave_at = self._next_phase(now)

    def visited(self, document: Document | None, now: float) -> None:
        """A letter came: the actor stays for a while, for the next one."""
        if document and not document.closed:
            self._rest_at = now + self._lingers

    def admitted(self, now: float, at: datetime) -> None:
        self.admitted_at = at
        self._admitted_until = now + self._patience.admitted
        self.reconcile(now + self._patience.silence)
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
        self._autosave_running, self._owed = True, False
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

    @property
    def _ahead(self) -> float:
        """So long before an auto-save the history is read."""
        return self._patience.autosave / 6

    @property
    def _lingers(self) -> float:
        """With an open document."""
        return self._patience.quiet if self.ours else self._patience.resting

    @property
    def _apart(self) -> float:
        """At least so far: who was paused and is late must not ask twice."""
        return self._patience.autosave / 3

    def _next_phase(self, now: float) -> float:
        interval = self._patience.autosave
        passed = math.floor((now - self._phase) / interval + ROUNDING)
        return self._phase + (passed + 1) * interval
