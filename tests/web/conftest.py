"""A real Docledger on a free port of 127.0.0.1, and a Document Server that does as it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest
import trio

from tests.web.fake_server import FakeServer, document_server
from tests.web.life import Life
from tests.web.service import DEADLINE, Service, settings


class Running(Protocol):
    async def __call__(self, *, patience: dict[str, float] | None = None, **given: Any) -> Service: ...


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with document_server() as fake:
        yield fake


@pytest.fixture
async def running(nursery: trio.Nursery, tmp_path: Path, server: FakeServer) -> AsyncIterator[Running]:
    """Starts services; their settings may be overridden, and how long they wait for what."""
    lives: list[Life] = []
    numbers = count()
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=DEADLINE) as http:

        async def run(*, patience: dict[str, float] | None = None, **given: Any) -> Service:
            life = Life(settings(tmp_path / str(next(numbers)), server, **given))
            binds = await nursery.start(life.live, patience or {})
            lives.append(life)
            return Service(binds[0], server, http, life.settings)

        yield run
    for life in lives:
        life.stop.set()
        with trio.fail_after(DEADLINE):
            await life.over.wait()


@pytest.fixture
async def service(running: Running) -> Service:
    return await running()
