"""HTTP requests: counted by the template of their route, which bounds how many there can be."""

from __future__ import annotations

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Histogram

from infrastructure.metrics.gauges import PREFIX

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
LIMITED = 429


class Requests:
    def __init__(self, registry: CollectorRegistry) -> None:
        requests = Counter(
            f"{PREFIX}http_requests",
            "Requests that are over",
            ["route", "method", "status"],
            registry=registry,
        )
        seconds = Histogram(
            f"{PREFIX}http_request_seconds",
            "From a request to the end of its response",
            ["route"],
            buckets=SECONDS,
            registry=registry,
        )
        self._limited = Counter(
            f"{PREFIX}rate_limited_requests",
            "Requests refused because there were too many",
            registry=registry,
        )
        # To look children up by their labels costs more than to count.
        self._child = cache(requests.labels)
        self._seconds = cache(seconds.labels)

    def note(self, route: str, method: str, status: int | None, seconds: float) -> None:
        kind = f"{status // 100}xx" if status else "unanswered"
        self._child(route, method if method in METHODS else "other", kind).inc()
        self._seconds(route).observe(seconds)
        if status == LIMITED:
            self._limited.inc()
