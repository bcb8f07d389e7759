"""An application's own registry: what is counted as it happens, what is read when asked, giving it out."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.metadata import version

import trio
from prometheus_client import CollectorRegistry, Histogram, Info, ProcessCollector, exposition
from prometheus_client.openmetrics import exposition as openmetrics

from infrastructure.metrics.commits import Commits
from infrastructure.metrics.gauges import PREFIX, Readings
from infrastructure.metrics.requests import Requests
from infrastructure.metrics.saves import Saves

LAGS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
OPENMETRICS = "application/openmetrics-text"


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.readings = Readings()
        self.saves = Saves(self.registry)
        self.commits = Commits(self.registry)
        self.requested = Requests(self.registry).note
        self.lagged: Callable[[float], None] = Histogram(
            f"{PREFIX}event_loop_lag_seconds",
            "How late a sleeping task is woken",
            buckets=LAGS,
            registry=self.registry,
        ).observe
        self.registry.register(self.readings)
        ProcessCollector(registry=self.registry)
        Info(f"{PREFIX}build", "The release that runs", registry=self.registry).info({"version": _version()})

    async def exposed(self, accept: str) -> tuple[bytes, str]:
        """Written in a thread: a thousand lines would hold the event loop for some milliseconds."""
        await self.readings.read()
        return await trio.to_thread.run_sync(self._written, OPENMETRICS in accept)

    def _written(self, open_: bool) -> tuple[bytes, str]:
        if open_:
            text: bytes = openmetrics.generate_latest(self.registry)  # type: ignore[no-untyped-call]
            return text, openmetrics.CONTENT_TYPE_LATEST
        return exposition.generate_latest(self.registry), exposition.CONTENT_TYPE_PLAIN_0_0_4


@cache
def _version() -> str:
    return version("docledger")
