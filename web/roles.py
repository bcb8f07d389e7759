"""What a serving process is: the only one, or one worker of several that share a port and a parent."""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

import trio
from starlette.types import ASGIApp

from infrastructure import standin_process
from infrastructure.line import DRAINED, READY, Line
from infrastructure.notifying import READY as READY_STATE
from infrastructure.notifying import STOPPING, notify
from infrastructure.settings import Settings
from infrastructure.standin_process import StandinFailed
from web.configured import Connection, connection_of
from web.siblings import Siblings, Together

logger = logging.getLogger(__name__)

OTHERS = 20.0  # seconds, beyond the grace period, for what our siblings and the stand-in still have to save

LastSaves = Callable[[], Awaitable[None]]


class Role(Protocol):
    @property
    def binds(self) -> list[str] | None:
        """Where to listen; as the settings say without it."""
        ...

    def document_server(
        self, settings: Settings
    ) -> AbstractAsyncContextManager[tuple[Connection, LastSaves]]:
        """The one of the settings, and what to wait for once our own documents are saved, still listening."""
        ...

    def within(self, app: ASGIApp) -> ASGIApp:
        """The application, with what else it needs around it."""
        ...

    async def leaving(self) -> None:
        """Until others take what comes in from now on."""
        ...

    async def ready(self, settings: Settings) -> None: ...

    async def stopping(self) -> None: ...


class Alone:
    binds = None

    def document_server(
        self, settings: Settings
    ) -> AbstractAsyncContextManager[tuple[Connection, LastSaves]]:
        return document_server(settings)

    def within(self, app: ASGIApp) -> ASGIApp:
        return app

    async def leaving(self) -> None:
        await trio.sleep_forever()

    async def ready(self, settings: Settings) -> None:
        logger.info("Docledger is ready: open %s", settings.public_url)
        notify(READY_STATE)

    async def stopping(self) -> None:
        notify(STOPPING)


class AsWorker:
    def __init__(self, number: int, listening: int, door: int, line: Line) -> None:
        """Of the sockets it has the handles; its siblings come in at the door."""
        self.binds = [f"fd://{handle}" for handle in (listening, door)]
        self._siblings = Siblings(_folder_of(door), number)
        self._line = line

    @asynccontextmanager
    async def document_server(self, settings: Settings) -> AsyncIterator[tuple[Connection, LastSaves]]:
        if not settings.uses_standin:
            yield connection_of(settings), lambda: self._drained(settings)
            return
        standin = await standin_process.find(settings.data_dir)
        if standin is None:
            raise StandinFailed("The stand-in Document Server that our parent started does not answer.")
        connection = Connection(standin.url, standin.url, standin.secret, standin=True)
        yield connection, lambda: self._drained(settings)

    def within(self, app: ASGIApp) -> ASGIApp:
        return Together(app, self._siblings)

    async def leaving(self) -> None:
        await self._line.leave.wait()

    async def ready(self, settings: Settings) -> None:
        await self._line.say(READY)

    async def stopping(self) -> None:
        await trio.lowlevel.checkpoint()

    async def _drained(self, settings: Settings) -> None:
        """Our siblings may have something to save yet, and the callback may come to us."""
        await self._line.say(DRAINED)
        with trio.move_on_after(settings.grace_seconds + OTHERS):
            await self._line.over.wait()


@asynccontextmanager
async def document_server(settings: Settings) -> AsyncIterator[tuple[Connection, LastSaves]]:
    """The stand-in is started and watched by us, where the settings have none."""
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


def _folder_of(door: int) -> Path:
    with socket.socket(fileno=door) as listening:
        name = Path(listening.getsockname())
        listening.detach()
    return name.parent
