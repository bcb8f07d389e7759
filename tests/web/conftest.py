"""A real Docledger on a free port of 127.0.0.1, and a Document Server that does as it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import trio

from tests.web.described import Client
from tests.web.fake_server import FakeServer, document_server
from tests.web.life import Running
from tests.web.service import DEADLINE, Service


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with document_server() as fake:
        yield fake


@pytest.fixture
async def running(
    nursery: trio.Nursery, tmp_path: Path, server: FakeServer, logged_in: Mapping[str, str]
) -> AsyncIterator[Running]:
    async with Client(trust_env=False, verify=False, timeout=DEADLINE) as http:
        running = Running(nursery, tmp_path, server, http, logged_in)
        yield running
    await running.end_all()


@pytest.fixture
async def service(running: Running) -> Service:
    return await running()
