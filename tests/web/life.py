"""One service's life: from its start to its orderly end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import trio

from infrastructure.settings import Settings
from tests.web.fake_server import document_server
from tests.web.service import DEADLINE, Service, settings
from web.bootstrap import patience_of
from web.server import serve


@dataclass
class Life:
    """One service's, from its start to its orderly end."""

    settings: Settings
    stop: trio.Event = field(default_factory=trio.Event)
    over: trio.Event = field(default_factory=trio.Event)

    async def live(
        self, patience: dict[str, float], task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED
    ) -> None:
        hurried = replace(patience_of(self.settings), **{"backoff": 0.1, **patience})
        await serve(self.settings, self.stop, hurried, task_status)
        self.over.set()


@asynccontextmanager
async def living(folder: Path, patience: dict[str, float], **given: Any) -> AsyncIterator[Service]:
    """A service and its Document Server without fixtures: Hypothesis runs a test many times over them."""
    async with (
        document_server() as server,
        httpx.AsyncClient(trust_env=False, verify=False, timeout=DEADLINE) as http,
        trio.open_nursery() as nursery,
    ):
        life = Life(settings(folder, server, **given))
        binds = await nursery.start(life.live, patience)
        yield Service(binds[0], server, http, life.settings)
        life.stop.set()
