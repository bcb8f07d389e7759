"""Saves: how late they were stored, what became of what was offered, and what callbacks were answered."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import product

from prometheus_client import CollectorRegistry, Counter, Histogram

from application.changes import Change
from domain import events
from domain.commands import Command
from domain.document import Document
from domain.events import DocumentEvent
from infrastructure.metrics.gauges import PREFIX
from infrastructure.metrics.offers import ENDS, OFFERED, outcomes

LAGS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600)
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30, 120, 600)
STATUSES = frozenset(range(8))  # of a callback; whatever else is claimed counts as one


class Saves:
    """An application.observing.Observer."""

    def __init__(self, registry: CollectorRegistry) -> None:
        offers = Counter(
            f"{PREFIX}offers",
            "Saves offered by the Document Server, by what became of them",
            ["trigger", "outcome"],
            registry=registry,
        )
        lag = Histogram(
            f"{PREFIX}save_lag_seconds",
            "From the Document Server's last change to the moment it was stored here",
            ["trigger"],
            buckets=LAGS,
            registry=registry,
        )
        errors = Counter(
            f"{PREFIX}errors", "Errors in the documents' histories", ["source", "next"], registry=registry
        )
        callbacks = Counter(
            f"{PREFIX}callbacks",
            "Genuine callbacks, by what they were answered",
            ["status", "http", "error"],
            registry=registry,
        )
        seconds = Histogram(
            f"{PREFIX}callback_seconds",
            "From a callback to its answer",
            ["status"],
            buckets=SECONDS,
            registry=registry,
        )
        # To look a child up by its labels costs more than to count.
        self._offers, self._lag, self._errors = cache(offers.labels), cache(lag.labels), cache(errors.labels)
        for trigger, end in product(OFFERED, ENDS):
            self._offers(trigger, end)  # 0 is a value too: from there Prometheus sees the first of them
        self._callbacks, self._seconds = cache(callbacks.labels), cache(seconds.labels)

    def decided(
        self,
        cause: Command,
        before: Document | None,
        facts: Sequence[DocumentEvent],
        others: Sequence[Change],
    ) -> None:
        for outcome in outcomes(cause, before, facts, others):
            self._offers(outcome.trigger, outcome.what).inc()
            if outcome.lag is not None:
                self._lag(outcome.trigger).observe(outcome.lag)
        for fact in facts:
            if isinstance(fact, events.Errored):
                self._errors(fact.source, fact.next).inc()

    def replied(self, status: int, http: int, error: int, seconds: float) -> None:
        said = str(status) if status in STATUSES else "other"
        self._callbacks(said, http, error).inc()
        self._seconds(said).observe(seconds)
