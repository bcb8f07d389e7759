"""The Document Server, with a count and a duration for each thing that is asked of it."""

from __future__ import annotations

from typing import Any

import trio
from prometheus_client import CollectorRegistry, Counter, Histogram

from application.ports import (
    Answer,
    Blob,
    Code,
    ConversionFailed,
    DocumentServer,
    DownloadFailed,
    DownloadGone,
    ServerUnreachable,
    StorageFailed,
    TooLarge,
)
from infrastructure.metrics.gauges import PREFIX

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 150)
FAILURES: tuple[tuple[type[Exception], str], ...] = (
    (DownloadGone, "gone"),
    (DownloadFailed, "failed"),
    (TooLarge, "too_large"),
    (StorageFailed, "not_stored"),
)


class ObservedServer:
    def __init__(self, server: DocumentServer, registry: CollectorRegistry) -> None:
        self._server = server
        self._commands = Counter(
            f"{PREFIX}commands",
            "Commands to the Document Server, by its answer",
            ["command", "answer"],
            registry=registry,
        )
        self._command_seconds = Histogram(
            f"{PREFIX}command_seconds",
            "From a command to its answer",
            ["command"],
            buckets=SECONDS,
            registry=registry,
        )
        self._conversions = Counter(
            f"{PREFIX}conversions",
            "Conversions by the Document Server, by their end",
            ["outcome"],
            registry=registry,
        )
        self._downloads = Counter(
            f"{PREFIX}downloads", "Downloads of what it offered, by their end", ["outcome"], registry=registry
        )
        self._bytes = Counter(f"{PREFIX}download_bytes", "Bytes downloaded from it", registry=registry)
        self._download_seconds = Histogram(
            f"{PREFIX}download_seconds",
            "From a download's begin to stored",
            buckets=SECONDS,
            registry=registry,
        )

    async def command(self, name: str, key: str | None = None, **parameters: Any) -> Answer:
        began, said = trio.current_time(), "unreachable"
        try:
            answer = await self._server.command(name, key, **parameters)
            said = _name(answer.error)
            return answer
        except ServerUnreachable:
            raise
        except BaseException:
            said = "not_awaited"  # we were stopped
            raise
        finally:
            self._commands.labels(name, said).inc()
            self._command_seconds.labels(name).observe(trio.current_time() - began)

    async def convert(self, url: str, *, filetype: str, outputtype: str, key: str, title: str = "") -> str:
        outcome = "unreachable"
        try:
            result = await self._server.convert(
                url, filetype=filetype, outputtype=outputtype, key=key, title=title
            )
            outcome = "converted"
            return result
        except ConversionFailed:
            outcome = "refused"
            raise
        finally:
            self._conversions.labels(outcome).inc()

    async def fetch(self, url: str) -> Blob:
        began = trio.current_time()
        try:
            blob = await self._server.fetch(url)
        except Exception as trouble:
            kinds = (what for kind, what in FAILURES if isinstance(trouble, kind))
            self._downloads.labels(next(kinds, "failed")).inc()
            raise
        self._downloads.labels("stored").inc()
        self._bytes.inc(blob.size)
        self._download_seconds.observe(trio.current_time() - began)
        return blob


def _name(error: int) -> str:
    try:
        return Code(error).name.lower()
    except ValueError:
        return "other"
