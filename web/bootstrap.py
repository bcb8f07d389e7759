"""The composition root: the one place where the outside world is put behind the ports."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import trio

from application.audit import Audit
from application.callbacks import Callbacks
from application.copies import Copies
from application.desk import Desk
from application.draining import drain
from application.files import Files, Shelf
from application.following import Follower
from application.forgotten import Recovery
from application.history import History
from application.live import Feed
from application.nodes import while_leading
from application.opening import Door
from application.operating import Operating
from application.ports import StorageFailed
from application.readiness import Readiness
from application.renaming import Renaming
from application.replacing import Replacing
from application.retention import Retention
from application.rotation import Rotating
from application.spool import Spool
from application.trust import Trust
from application.ushering import Usher
from application.world import Patience, World
from infrastructure.addresses import address_subject, client_address
from infrastructure.blanks import blank
from infrastructure.blob_stores import blobs_of
from infrastructure.document_server import HttpDocumentServer
from infrastructure.event_loop import EventLoop
from infrastructure.ids import new_id
from infrastructure.journal import LedgerJournal
from infrastructure.journal.checkpointing import checkpointing
from infrastructure.journal.committing import Watch, unwatched
from infrastructure.limits import limits_of
from infrastructure.metrics import Metrics
from infrastructure.metrics.document_server import ObservedServer
from infrastructure.nodes import nodes_of
from infrastructure.overflow import OverflowBlobs
from infrastructure.request_ids import request_id
from infrastructure.settings import Settings
from infrastructure.sidecars import LocalSidecars, seated
from infrastructure.signing import signer
from infrastructure.sniffer import Sniffer
from web.configured import Connection, endpoint_of, patience_of, scraper_of, site_of, tokens_of
from web.context import Context
from web.examining import doctor_of
from web.live import encoded
from web.samples import add_samples
from web.streams import Streams
from web.watching import Watched
from web.webhooks import webhooks_of

logger = logging.getLogger(__name__)

INHERIT = 30.0  # seconds between two looks for what a process that shared our data folder has left


class Stages:
    """The life of a running service, as its parts wait for it."""

    def __init__(self) -> None:
        self.listening = trio.Event()  # callbacks arrive from here on
        self.taken_up = trio.Event()  # every open document is looked after
        self.stopping = trio.Event()
        self.drained = trio.Event()  # nothing more is worth listening for
        self.closing = trio.Event()  # whatever is still being answered has to end


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Storage:
    """The log, the bytes, and the files made of them."""

    journal: LedgerJournal
    blobs: OverflowBlobs
    files: Files


@asynccontextmanager
async def storage(settings: Settings, watch: Watch = unwatched) -> AsyncIterator[Storage]:
    """Raises JournalFailed, StorageFailed."""
    blobs = blobs_of(settings)
    async with LedgerJournal.open(settings.database, watch) as journal:
        shelf = Shelf(journal, blobs, now, lambda: new_id(now()), settings.max_file_bytes)
        yield Storage(journal, blobs, Files(shelf))


@asynccontextmanager
async def assemble(
    settings: Settings, connection: Connection, stages: Stages, patience: Patience | None = None
) -> AsyncIterator[Context]:
    """Everything, for as long as the application lives. `patience` is the settings', unless given."""
    tokens = tokens_of(settings, connection)
    vouch = signer(settings.checkpoint_key)
    sign = tokens.sign_command if settings.document_server_jwt else None
    metrics = Metrics()
    loop = EventLoop(metrics.lagged)
    limits = limits_of(settings.rate_limit_url, settings.rate_limit, settings.callback_limit)
    async with (
        storage(settings, metrics.commits.note) as stored,
        seated(settings.data_dir) as sidecars,
        nodes_of(settings, connection.secret) as nodes,
        webhooks_of(settings, stored.journal, now) as webhooks,
        checkpointing(stored.journal, vouch, settings.checkpoint_seconds, now, nodes),
        HttpDocumentServer(endpoint_of(settings, connection), stored.blobs, sign) as client,
        trio.open_nursery() as nursery,
    ):
        journal, blobs, files = stored.journal, stored.blobs, stored.files
        server = Rotating(ObservedServer(client, metrics.registry), tokens.server_secrets)
        patience = patience or patience_of(settings)
        world = World(
            journal, blobs, Sniffer(blobs.path), server, sidecars, now, patience, metrics.saves, nodes
        )
        if settings.demo:
            await add_samples(files, journal)
        desk, trust = Desk(nursery, world), Trust(server, rotating=len(tokens.server_secrets) > 1)
        door, spool, recovery = Door(desk, world, files), Spool(nursery, desk, world), Recovery(desk, world)
        feed, streams, usher = Feed(journal, encoded), Streams(stages.closing), Usher(nursery, desk, world)
        nursery.start_soon(feed.run)
        nursery.start_soon(streams.run)
        nursery.start_soon(loop.run)
        nursery.start_soon(limits.counters.run)
        watched = Watched(
            settings,
            journal,
            blobs,
            sidecars,
            desk,
            door,
            trust,
            recovery,
            streams,
            webhooks,
            limits.counters,
            loop,
            nodes,
            stages.taken_up,
            stages.stopping,
            now,
        )
        metrics.readings.add(*watched.gauges())
        await webhooks.welcome()
        nursery.start_soon(while_leading, nodes, webhooks.run)
        durable = settings.callback_reply == "durable"
        nursery.start_soon(_work, nursery, Follower(desk, world), spool, recovery, stages)
        retention = Retention(journal, blobs, sidecars, settings.keep_autosaves, now)
        nursery.start_soon(while_leading, nodes, retention.run)
        nursery.start_soon(_drain, desk, world, settings.grace_seconds, stages)
        nursery.start_soon(blobs.run)
        nursery.start_soon(_inherit, sidecars, spool)
        yield Context(
            site=site_of(settings, connection),
            journal=journal,
            blobs=blobs,
            desk=desk,
            door=door,
            files=files,
            copies=Copies(files, world, blank),
            history=History(journal, files),
            audit=Audit(journal, now),
            callbacks=Callbacks(
                nursery,
                desk,
                world,
                spool,
                keep_failed=durable,
                unsafe=recovery.nudge,
                present=usher.look,
            ),
            renaming=Renaming(nursery, world, files),
            replacing=Replacing(desk, world, files),
            operating=Operating(desk, world, door, spool, trust),
            doctor=doctor_of(settings, connection, tokens, journal),
            feed=feed,
            streams=streams,
            webhooks=webhooks,
            tokens=tokens,
            trust=trust,
            usher=usher,
            limits=limits,
            address_of=partial(client_address, trusted_proxies=settings.trusted_proxies),
            subject_of=address_subject,
            metrics=metrics,
            readiness=Readiness(nursery, watched.checks()),
            request_id=partial(request_id, trusted_proxies=settings.trusted_proxies),
            is_scraper=scraper_of(settings),
        )
        nursery.cancel_scope.cancel()


async def _work(
    nursery: trio.Nursery, follower: Follower, spool: Spool, recovery: Recovery, stages: Stages
) -> None:
    """Record what could not be recorded, take up the open documents, then look after forgotten files.

    Only once we are listening: asking the server about a document makes it call us back first.
    """
    await stages.listening.wait()
    nursery.start_soon(spool.run)
    await nursery.start(follower.run)
    stages.taken_up.set()
    await recovery.run()


async def _inherit(sidecars: LocalSidecars, spool: Spool) -> None:
    while True:
        await trio.sleep(INHERIT)
        try:
            if await sidecars.take_over():
                spool.nudge()
        except StorageFailed as trouble:
            logger.error("%s", trouble)


async def _drain(desk: Desk, world: World, seconds: float, stages: Stages) -> None:
    await stages.stopping.wait()
    await drain(desk, world, seconds)
    stages.drained.set()
