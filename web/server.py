"""Running it: Hypercorn's Trio worker, signals, and an orderly end."""

from __future__ import annotations

import logging
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from typing import cast

import trio
from hypercorn.typing import ASGIFramework

from application.world import Patience
from infrastructure.kept import own_secret
from infrastructure.settings import PREFIX, Settings
from infrastructure.signing import signer
from infrastructure.store_urls import MEMORY, without_password
from web.app import create_app
from web.bootstrap import Stages, assemble
from web.configured import known_hosts
from web.connections import Connection, Stock
from web.guard import Guard, GuardedConfig, said_always
from web.lean.connection import Lean
from web.observing import Observed
from web.roles import Alone, Role
from web.serving import listen

logger = logging.getLogger(__name__)

MARGIN = 1.0  # seconds beyond the grace period
HEAD = 16 * 1024  # bytes of a request's head that has not ended yet; at most 64 KiB are read at once
HEAD_SECONDS = 5  # for a head to arrive, and for a connection without a request
ALONE = Alone()
CONNECTIONS: dict[str, type[Connection]] = {"lean": Lean, "stock": Stock}
CUT = 3.0  # seconds from the end of listening until unfinished requests are cut, unanswered


async def run(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM. Raises SettingsError, StandinFailed, JournalFailed, StorageFailed."""
    check_keys(settings)
    async with trio.open_nursery() as nursery:
        stop = trio.Event()
        nursery.start_soon(stop_on_signal, stop)
        await serve(settings, stop)
        nursery.cancel_scope.cancel()


def check_keys(settings: Settings) -> None:
    """Said before anything starts, if one cannot be used. Raises SettingsError."""
    own_secret(settings)
    signer(settings.checkpoint_key)


def tell_engines(settings: Settings, workers: int) -> None:
    """Which they are, and what they mean for how many may serve."""
    one = "" if settings.uses_postgres else ", which is for one process"
    shown = {name: without_password(getattr(settings, name)) for name in ("database_url", "blob_url")}
    logger.info("the log is in %s%s; files are in %s", shown["database_url"], one, shown["blob_url"])
    counted = without_password(settings.rate_limit_url)
    logger.info("%d to serve; requests are counted in %s", workers, counted)
    if workers > 1 and counted == MEMORY:
        logger.warning(
            "each of %d workers counts requests for itself: set %sRATE_LIMIT_URL to a Redis", workers, PREFIX
        )


async def serve(
    settings: Settings,
    stop: trio.Event,
    patience: Patience | None = None,
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
    role: Role = ALONE,
) -> None:
    """Serve until `stop`; what is unsaved then is asked for and taken before we stop listening."""
    async with role.document_server(settings) as (connection, last_saves):
        stages = Stages()

        async def shutdown() -> None:
            await stop.wait()
            await role.stopping()
            stages.stopping.set()
            with trio.move_on_after(settings.grace_seconds + MARGIN):
                await stages.drained.wait()
            await last_saves()
            stages.closing.set()

        async with trio.open_nursery() as nursery:
            inner = create_app(partial(assemble, settings, connection, stages, patience))
            app = cast(ASGIFramework, Observed(Guard(role.within(inner), known_hosts(settings))))
            config = config_of(settings, role.binds)
            serving = partial(
                listen,
                app,
                config,
                shutdown_trigger=shutdown,
                leaving=role.leaving,
                kind=CONNECTIONS[settings.http_connections],
            )
            binds = await nursery.start(_then_cancel, nursery, serving)
            stages.listening.set()
            await role.ready(settings)
            task_status.started(binds)


async def _then_cancel(
    nursery: trio.Nursery, serving: Callable[..., Awaitable[None]], task_status: trio.TaskStatus[list[str]]
) -> None:
    await serving(task_status=task_status)
    nursery.cancel_scope.cancel()


async def stop_on_signal(stop: trio.Event) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for number in signals:
            logger.info("%s: shutting down", signal.Signals(number).name)
            stop.set()


def config_of(settings: Settings, binds: list[str] | None = None) -> GuardedConfig:
    """`binds` are instead of HOST and PORT."""
    config = GuardedConfig()
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    config.bind = binds or [f"{host}:{settings.port}"]
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
