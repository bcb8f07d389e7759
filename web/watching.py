"""What a scrape reads and what readiness depends on, put together from the parts of a running service."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import trio

from application.desk import Desk
from application.forgotten import Recovery
from application.limits import Counters
from application.nodes import Nodes
from application.opening import Door
from application.readiness import FINE, Check
from application.trust import Trust
from application.webhooks import Webhooks
from infrastructure.event_loop import EventLoop
from infrastructure.journal import LedgerJournal
from infrastructure.metrics.gauges import Gauge
from infrastructure.overflow import OverflowBlobs
from infrastructure.settings import Settings
from infrastructure.sidecars import LocalSidecars
from web.streams import Streams

AGES = (60, 300, 900, 3600)  # seconds
FAILED_FOR = 30.0  # seconds that a failed commit counts when nobody has tried another
LATE = 1.0  # seconds
SILENT = 10.0  # seconds without a word of the other nodes


@dataclass(frozen=True, slots=True)
class Watched:
    """The parts that are looked at."""

    settings: Settings
    journal: LedgerJournal
    blobs: OverflowBlobs
    sidecars: LocalSidecars
    desk: Desk
    door: Door
    trust: Trust
    recovery: Recovery
    streams: Streams
    webhooks: Webhooks
    counters: Counters
    loop: EventLoop
    nodes: Nodes
    taken_up: trio.Event
    stopping: trio.Event
    now: Callable[[], datetime]

    def gauges(self) -> Iterator[Gauge]:
        yield from self._documents()
        yield from self._server()
        yield from self._storage()
        yield from self._nodes()

    def checks(self) -> Mapping[str, Check]:
        checks = {
            "journal": self._journal_works,
            "blobs": self._blobs_work,
            "event_loop": _check(lambda: self.loop.lag < LATE, "it is late"),
            "documents": _check(self.taken_up.is_set, "the open documents are not taken up yet"),
            "door": _check(lambda: not self.door.shut, "shut for maintenance"),
            "shutdown": _check(lambda: not self.stopping.is_set(), "shutting down"),
        }
        if self.nodes.several:
            heard = lambda: self.nodes.silence < SILENT  # noqa: E731
            checks["nodes"] = _check(heard, "the database does not tell who looks after what")
        return checks

    def _documents(self) -> Iterator[Gauge]:
        desk = self.desk
        yield Gauge("actors", "Documents that are looked after, closed ones for a while", lambda: len(desk))
        yield Gauge("open_documents", "Documents that are open", desk.opened)
        yield Gauge("edited_documents", "Documents that somebody edits", lambda: len([*desk.edited()]))
        yield Gauge("editors", "Users who edit", lambda: sum(edited.users for edited in desk.edited()))
        yield Gauge(
            "unstored_seconds",
            "The longest time without a stored save among the documents that somebody edits",
            lambda: max(self._unstored(), default=0.0),
        )
        yield Gauge(
            "unstored_documents",
            "Documents that somebody edits, without a stored save for so many seconds",
            lambda: _older(self._unstored()),
            label="seconds",
        )
        yield Gauge(
            "unassured_seconds",
            "The same time, but the Document Server's word that it has nothing new counts as well",
            lambda: max(self._unassured(), default=0.0),
        )
        yield Gauge(
            "unassured_documents",
            "Documents that somebody edits, without either for so many seconds",
            lambda: _older(self._unassured()),
            label="seconds",
        )
        yield Gauge("event_streams", "Readers of the event stream", lambda: len(self.streams))
        yield Gauge(
            "webhook_behind_events",
            "Events that a receiver of webhooks is behind the log",
            partial(self._behind, "events"),
            label="receiver",
        )
        yield Gauge(
            "webhook_behind_seconds",
            "How long ago that happened which a receiver should be told next",
            partial(self._behind, "seconds"),
            label="receiver",
        )
        yield Gauge(
            "rate_limit_failing",
            "1 when each process counts requests for itself",
            lambda: self.counters.failing,
        )
        yield Gauge("shut", "1 when nobody is let in until the next start", lambda: self.door.shut)

    def _server(self) -> Iterator[Gauge]:
        yield Gauge(
            "kept_at_server_documents",
            "Documents whose changes only opening and leaving them again delivers",
            self.desk.kept_at_server,
        )
        yield Gauge(
            "forgotten_files",
            "Saves of ours that the Document Server has given up delivering",
            lambda: self.recovery.backlog,
        )
        yield Gauge(
            "clock_skew_seconds", "How far the Document Server's clock is ahead", lambda: self.trust.skew
        )
        yield Gauge("secret_refused", "1 when it does not accept our tokens", lambda: self.trust.refused)
        yield Gauge(
            "callbacks_refused",
            "Callbacks that nobody can have signed",
            lambda: self.trust.forged,
            counts=True,
        )

    def _storage(self) -> Iterator[Gauge]:
        yield Gauge("waiting_saves", "Saves that the log has not taken yet", lambda: len(self.sidecars))
        yield Gauge("overflow_blobs", "Blobs that are only on the local disk", lambda: self.blobs.waiting)
        yield Gauge("blob_store_failing", "1 when new bytes go to the local disk", lambda: self.blobs.failing)
        yield Gauge("log_position", "The last fact's place in the log", self.journal.position)
        yield Gauge(
            "checkpoint_age_seconds",
            "How long ago all of the log was covered by a signed checkpoint",
            lambda: trio.current_time() - self.journal.vouched_at,
        )
        folders = {"data": self.settings.data_dir}
        if not self.settings.uses_object_store:
            folders["blobs"] = self.settings.blobs_path
        if not self.settings.uses_postgres:
            folders["database"] = self.settings.database_path.parent
        one = trio.CapacityLimiter(1)  # should a disk hang, a single thread waits for it
        for what in ("free", "total"):
            read = partial(_usage, folders, what, one)
            yield Gauge(f"disk_{what}_bytes", f"Bytes, {what}, where the folder is", read, label="folder")

    def _nodes(self) -> Iterator[Gauge]:
        nodes = self.nodes
        yield Gauge("shards", "Of 64, what this node looks after", lambda: len(nodes.shards))
        yield Gauge("nodes", "Those that live, with this one", lambda: 1 + nodes.others)
        yield Gauge("nodes_silence_seconds", "Since it was last heard which do", lambda: nodes.silence)

    async def _behind(self, what: str) -> Mapping[str, float]:
        return {lag.receiver: getattr(lag, what) for lag in await self.webhooks.lags()}

    def _unstored(self) -> Iterator[float]:
        now = self.now()
        yield from ((now - edited.stored).total_seconds() for edited in self.desk.edited())

    def _unassured(self) -> Iterator[float]:
        now = self.now()
        yield from ((now - edited.assured).total_seconds() for edited in self.desk.edited())

    async def _journal_works(self) -> str:
        failed_at = self.journal.failed_at
        if failed_at is not None and trio.current_time() - failed_at < FAILED_FOR:
            return "the last write failed"
        await self.journal.position()
        return FINE

    async def _blobs_work(self) -> str:
        if self.blobs.failing:
            return "new bytes are kept on the local disk"
        await self.blobs.answers()
        return FINE


def _check(fine: Callable[[], bool], wrong: str) -> Check:
    async def check() -> str:
        return FINE if fine() else wrong

    return check


def _older(ages: Iterator[float]) -> Mapping[str, float]:
    known = list(ages)
    return {str(age): sum(each > age for each in known) for age in AGES}


async def _usage(
    folders: Mapping[str, Path], what: str, limiter: trio.CapacityLimiter
) -> Mapping[str, float]:
    def read() -> Mapping[str, float]:
        return {name: getattr(shutil.disk_usage(folder), what) for name, folder in folders.items()}

    reading: Awaitable[Mapping[str, float]] = trio.to_thread.run_sync(
        read, limiter=limiter, abandon_on_cancel=True
    )
    return await reading
