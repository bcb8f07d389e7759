"""The lives of services under test: from their start to their orderly end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import trio

from infrastructure.settings import Settings
from tests.web.described import Client
from tests.web.fake_server import FakeServer, document_server
from tests.web.service import DEADLINE, Service, settings
from web.configured import patience_of
from web.server import serve


@dataclass
class Life:
    settings: Settings
    stop: trio.Event = field(default_factory=trio.Event)
    over: trio.Event = field(default_factory=trio.Event)

    async def live(
        self, patience: dict[str, float], task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED
    ) -> None:
        hurried = replace(patience_of(self.settings), **{"backoff": 0.1, **patience})
        await serve(self.settings, self.stop, hurried, task_status)
        self.over.set()

    async def end(self) -> None:
        self.stop.set()
        with trio.fail_after(DEADLINE):
            await self.over.wait()


class Running:
    """Starts services; their settings may be overridden, and how long they wait for what."""

    def __init__(
        self,
        nursery: trio.Nursery,
        folder: Path,
        server: FakeServer,
        http: httpx.AsyncClient,
        usual: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self._nursery, self._folder, self._server, self._http = nursery, folder, server, http
        self.usual = usual  # settings
        self._lives: dict[str, Life] = {}

    async def __call__(self, *, patience: dict[str, float] | None = None, **given: Any) -> Service:
        folder = self._folder / str(len(self._lives))
        life = Life(settings(folder, self._server, **{**self.usual, **given}))
        binds = await self._nursery.start(life.live, patience or {})
        self._lives[binds[0]] = life
        return Service(binds[0], self._server, self._http, life.settings)

    async def end(self, service: Service) -> None:
        await self._lives[service.url].end()

    async def end_all(self) -> None:
        for life in self._lives.values():
            await life.end()


@asynccontextmanager
async def living(folder: Path, patience: dict[str, float], **given: Any) -> AsyncIterator[Service]:
    """One service without fixtures, which Hypothesis would not make anew for each of its examples."""
    async with (
        document_server() as server,
        Client(trust_env=False, verify=False, timeout=DEADLINE) as http,
        trio.open_nursery() as nursery,
    ):
        running = Running(nursery, folder, server, http)
        yield await running(patience=patience, **given)
        await running.end_all()
