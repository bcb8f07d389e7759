"""What is read at the moment of a scrape, in the event loop, and given out from whatever thread asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from inspect import isawaitable

import trio
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from application.journal import JournalFailed
from application.ports import StorageFailed

PREFIX = "docledger_"
DEADLINE = 2.0  # seconds for all that has to be waited for

Values = float | Mapping[str, float] | None  # None: not known now; by the label's value, where there is one


@dataclass(frozen=True, slots=True)
class Gauge:
    name: str  # without the prefix
    help: str
    read: Callable[[], Values | Awaitable[Values]]
    label: str | None = None
    counts: bool = False  # it only grows

    def family(self, values: float | Mapping[str, float]) -> Metric:
        labels = [self.label] if self.label else []
        kind = CounterMetricFamily if self.counts else GaugeMetricFamily
        family = kind(PREFIX + self.name, self.help, labels=labels)
        for label, value in values.items() if isinstance(values, Mapping) else [(None, values)]:
            family.add_metric([label] if label is not None else [], value)
        return family


class Readings(Collector):
    def __init__(self) -> None:
        self._gauges: list[Gauge] = []
        self._latest: list[Metric] = []

    def add(self, *gauges: Gauge) -> None:
        self._gauges += gauges

    async def read(self) -> None:
        """What cannot be told in time, or at all, is left out."""
        families: list[Metric] = []
        with trio.move_on_after(DEADLINE):
            for gauge in self._gauges:
                families += await _families(gauge)
        self._latest = families

    def collect(self) -> Iterator[Metric]:
        yield from self._latest

    def describe(self) -> Iterator[Metric]:
        """None: the registry would read everything to learn the names."""
        yield from ()


async def _families(gauge: Gauge) -> list[Metric]:
    """One, or none."""
    try:
        values = gauge.read()
        known = await values if isawaitable(values) else values
    except (JournalFailed, StorageFailed, OSError):
        return []
    return [] if known is None else [gauge.family(known)]
