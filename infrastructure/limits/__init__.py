"""The rate limits: who may still ask, counted in memory or, for several processes, in Redis."""

from __future__ import annotations

from application.limits import Limits
from infrastructure.limits.memory import MemoryCounters, MemoryRateLimit
from infrastructure.store_urls import MEMORY

FORGERIES = "60/minute"  # callbacks per client that are read to the end only to be refused


def limits_of(url: str, requests: str, callbacks: str) -> Limits:
    """The one place that knows where is counted. Raises SettingsError.

    Forgeries are counted by each process for itself, since it is its own work that they are to bound.
    """
    forgeries = MemoryRateLimit(FORGERIES)
    if url == MEMORY:
        return Limits(MemoryRateLimit(requests), MemoryRateLimit(callbacks), forgeries, MemoryCounters())
    from infrastructure.limits import shared  # noqa: PLC0415 (60 ms and 6 MB of a start that needs no Redis)

    counters = shared.RedisCounters(url)
    return Limits(
        shared.SharedRateLimit("requests", requests, counters),
        shared.SharedRateLimit("callbacks", callbacks, counters),
        forgeries,
        counters,
    )
