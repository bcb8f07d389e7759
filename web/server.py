"""Running it: Hypercorn's Trio worker, the stand-in where no Document Server is configured, signals."""

from __future__ import annotations

import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import cast

import trio
from hypercorn.typing import ASGIFramework

from application.world import Patience
from infrastructure import standin_process
from infrastructure.kept import own_secret
from infrastructure.notifying import READY, STOPPING, notify
from infrastructure.settings import Settings
from infrastructure.signing import signer
from web.app import create_app
from web.bootstrap import Stages, assemble
from web.configured import Connection, connection_of, known_hosts
from web.connections import listen
from web.guard import Guard, GuardedConfig, said_always
from web.observing import Observed

logger = logging.getLogger(__name__)

MARGIN = 1.0  # seconds beyond the grace period
HEAD = 16 * 1024  # bytes of a request's head that has not ended yet; at most 64 KiB are read at once
HEAD_SECONDS = 5  # for a head to arrive, and for a connection without a request
CUT = 3.0  # seconds from the end of listening until unfinished requests are cut, unanswered


async def run(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM. Raises SettingsError, StandinFailed, JournalFailed, StorageFailed."""
    own_secret(settings)  # said before anything starts, if it cannot be used
    signer(settings.checkpoint_key)
    async with trio.open_nursery() as nursery:
        stop = trio.Event()
        nursery.start_soon(_stop_on_signal, stop)
        await serve(settings, stop)
        nursery.cancel_scope.cancel()


async def serve(
    settings: Settings,
    stop: trio.Event,
    patience: Patience | None = None,
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until `stop`; what is unsaved then is asked for and taken before we stop listening."""
    async with _document_server(settings) as (connection, last_saves):
        stages = Stages()

        async def shutdown() -> None:
            await stop.wait()
            notify(STOPPING)
            stages.stopping.set()
            with trio.move_on_after(settings.grace_seconds + MARGIN):
                await stages.drained.wait()
            await last_saves()
            stages.closing.set()

        async with trio.open_nursery() as nursery:
            inner = create_app(partial(assemble, settings, connection, stages, patience))
            app = Observed(Guard(inner, known_hosts(settings)))
            serving = partial(
                listen, cast(ASGIFramework, app), config_of(settings), shutdown_trigger=shutdown
            )
            binds = await nursery.start(_then_cancel, nursery, serving)
            stages.listening.set()
            logger.info("Docledger is ready: open %s", settings.public_url)
            notify(READY)
            task_status.started(binds)


async def _then_cancel(
    nursery: trio.Nursery, serving: Callable[..., Awaitable[None]], task_status: trio.TaskStatus[list[str]]
) -> None:
    await serving(task_status=task_status)
    nursery.cancel_scope.cancel()


@asynccontextmanager
async def _document_server(
    settings: Settings,
) -> AsyncIterator[tuple[Connection, Callable[[], Awaitable[None]]]]:
    if not settings.uses_standin:
        yield connection_of(settings), trio.lowlevel.checkpoint
        return
    standin = await standin_process.find_or_start(settings.data_dir)
    logger.info("No Document Server is configured: the built-in stand-in is at %s", standin.url)
    watch = standin_process.Watch(settings.data_dir, standin)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch.keep)
        yield Connection(standin.url, standin.url, standin.secret, standin=True), watch.stop
        nursery.cancel_scope.cancel()


async def _stop_on_signal(stop: trio.Event) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for number in signals:
            logger.info("%s: shutting down", signal.Signals(number).name)
            stop.set()


def config_of(settings: Settings) -> GuardedConfig:
    config = GuardedConfig()
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    config.bind = [f"{host}:{settings.port}"]
    config.backlog = 1024
    config.graceful_timeout = CUT
    config.include_server_header = False
    config.always = said_always(settings.public_url)
    config.h11_max_incomplete_size = HEAD
    config.keep_alive_timeout = HEAD_SECONDS
    config.keep_alive_max_requests = (
        1_000_000  # of one connection, one after the other: a proxy keeps its own
    )
    config.accesslog = None
    config.errorlog = logging.getLogger("hypercorn.error")
    config.loglevel = settings.log_level
    return config
