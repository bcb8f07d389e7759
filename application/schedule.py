"""What is due when for one open document: the actor's clock, in seconds of Trio's."""

from __future__ import annotations

import math
from datetime import datetime
from hashlib import sha256
from math import inf

from application.world import Patience
from domain.document import Document

ROUNDING = 1e-6  # of an interval: a moment that close to a phase is that phase


class Schedule:
    def __init__(self, key: str, patience: Patience) -> None:
        self._patience = patience
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
        self._autosave_at = inf
        self._autosave_running = False
        self._rest_at = inf

    def due(self, document: Document | None, *, busy: bool) -> float:
        if document is None or document.closed:
            return inf if busy or (document and document.offers) else self._rest_at
        autosave = self._autosave_at if self._wanted(document) else inf
        return min(autosave, inf if self.info_running else self._info_at)

    def _wanted(self, document: Document) -> bool:
        present = bool(document.users) or self._autosave_at < self._admitted_until
        return present and not document.closed and not self._autosave_running

    def autosave_due(self, document: Document | None, now: float) -> bool:
        return document is not None and self._wanted(document) and self._autosave_at <= now

    def info_due(self, document: Document | None, now: float) -> bool:
        is_open = document is not None and not document.closed
        return is_open and not self.info_running and self._info_at <= now

    def rested(self, document: Document | None, now: float, *, busy: bool) -> bool:
        gone = document is None or (document.closed and not document.offers)
        return bool(gone) and not busy and self._rest_at <= now

    def taken_up(self, document: Document | None, now: float, wall: datetime) -> None:
        """Read from the log, so after a restart: nobody knows what has happened meanwhile."""
        if document is None or document.closed:
            return
        self._info_at = now
        if document.admitted_at:
            age = max(0.0, (wall - document.admitted_at).total_seconds())
            self._admitted_until = max(self._admitted_until, now + self._patience.admitted - age)

    def entered(self, document: Document | None, now: float) -> None:
        """The state is new."""
        if document is None or document.closed:
            self._info_at = inf
            self._rest_at = now + self._patience.resting
            return
        if self._info_at == inf:
            self._info_at = now + self._patience.silence
        if self._autosave_at == inf or self._autosave_at < now:
            self._autosave_at = self._next_phase(now)

    def admitted(self, now: float, at: datetime) -> None:
        self.admitted_at = at
        self._admitted_until = now + self._patience.admitted
        if self._autosave_at < now:
            self._autosave_at = self._next_phase(now)

    def heard(self, now: float, *, unchanged: bool) -> None:
        """A callback came."""
        self._info_at = now + self._patience.silence
        self.closing_word = self.closing_word or (unchanged and self.info_running)

    def doubt(self, document: Document | None, now: float) -> None:
        """A status 4 did not close the document: ask, unless the question caused it."""
        if document and not document.closed and not self.info_running:
            self._info_at = now + (self._patience.autosave if document.offers else 0)

    def expected(self, document: Document | None, now: float) -> bool:
        """Somebody was let in and has not joined yet: that the server does not know the key means nothing."""
        if document is None or now >= self._admitted_until:
            return False
        admitted = max(filter(None, (self.admitted_at, document.admitted_at)), default=None)
        return admitted is not None and (document.joined_at is None or admitted > document.joined_at)

    def autosave_began(self, now: float) -> None:
        self._autosave_running = True
        self._autosave_at = self._next_phase(now)

    def autosave_ended(self, now: float) -> None:
        self._autosave_running = False
        self._autosave_at = max(self._autosave_at, self._next_phase(now))

    def info_began(self) -> None:
        self.info_running, self.closing_word = True, False

    def info_ended(self, again_at: float) -> None:
        self.info_running = False
        self._info_at = again_at

    def reconcile_soon(self, now: float) -> None:
        self._info_at = now

    def _next_phase(self, now: float) -> float:
        interval = self._patience.autosave
        passed = math.floor((now - self._phase) / interval + ROUNDING)
        return self._phase + (passed + 1) * interval
