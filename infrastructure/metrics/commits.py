"""The log's transactions: how many changes share one, how long it takes, and what was not taken."""

from __future__ import annotations

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Histogram

from infrastructure.journal.committing import Commit
from infrastructure.metrics.gauges import PREFIX

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
SIZES = (1, 2, 5, 10, 20, 50, 100, 200)


class Commits:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            f"{PREFIX}commit_seconds",
            "How long a transaction of the log took",
            buckets=SECONDS,
            registry=registry,
        )
        self._sizes = Histogram(
            f"{PREFIX}commit_appends",
            "How many appends shared a transaction of the log",
            buckets=SIZES,
            registry=registry,
        )
        self._failed = Counter(
            f"{PREFIX}append_failures", "Appends that the log did not take", registry=registry
        )
        self._stale = Counter(
            f"{PREFIX}stale_appends",
            "Appends that others had overtaken; they are decided anew",
            registry=registry,
        )
        facts = Counter(f"{PREFIX}facts", "Facts recorded in the log", ["type"], registry=registry)
        self._fact = cache(facts.labels)

    def note(self, commit: Commit) -> None:
        self._seconds.observe(commit.seconds)
        self._sizes.observe(len(commit.slips))
        self._failed.inc(commit.failed)
        self._stale.inc(commit.stale)
        for change in commit.changes:
            for fact in change.events:
                self._fact(type(fact).__name__).inc()
