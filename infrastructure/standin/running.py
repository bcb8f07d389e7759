"""Running the stand-in inside a Trio program: tests start it in their nursery, the process in its own."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial

import trio
from hypercorn.config import Config
from hypercorn.trio import serve as serve_http
from hypercorn.typing import Framework

from .app import create_app
from .config import StandinConfig
from .outbox import new_client
from .server import Standin
from .spoiling import able_to_hang_up
from .store import Store
from .timer import save_by_timer

MESSAGE_LIMIT = 100_000_000  # bytes in one WebSocket message


@dataclass(frozen=True, slots=True)
class RunningStandin:
    """What the starter gets: where the stand-in listens, and how to stop it gently."""

    url: str
    secret: str
    standin: Standin
    stopping: trio.Event

    def stop(self) -> None:
        """Like SIGTERM: saves what is open, then `serve` returns."""
        self.stopping.set()


async def serve(
    config: StandinConfig, *, task_status: trio.TaskStatus[RunningStandin] = trio.TASK_STATUS_IGNORED
) -> None:
    """Run until stopped or cancelled.

    Stopped gently, it first delivers open changes; cancelled, it dies as a killed server would.
    """
    with Store(config.folder) as store:
        async with new_client(config) as client, trio.open_nursery() as nursery:
            standin = Standin.create(config, client, nursery, store=store)
            stopping = trio.Event()
            if config.auto_assembly:
                nursery.start_soon(save_by_timer, standin, config.auto_assembly)

            async def stopped() -> None:
                await stopping.wait()
                await standin.drain()

            run = partial(serve_http, _framework(standin), _hypercorn(config), shutdown_trigger=stopped)
            async with trio.open_nursery() as http:
                (bind, *_) = await http.start(run)
                task_status.started(RunningStandin(bind, config.secret, standin, stopping))
            nursery.cancel_scope.cancel()


def _framework(standin: Standin) -> Framework:
    app = create_app(standin)
    return able_to_hang_up(app) if standin.config.control else app  # type: ignore[return-value]


def _hypercorn(config: StandinConfig) -> Config:
    settings = Config()
    settings.bind = [f"{config.host}:{config.port}"]
    settings.graceful_timeout = 1.0
    settings.websocket_max_message_size = MESSAGE_LIMIT
    settings.errorlog = logging.getLogger("standin")
    settings.accesslog = None
    return settings
