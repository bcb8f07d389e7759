"""The stage for tests on a jumping clock, which pytest-trio wants each test to name itself."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import trio

from infrastructure.standin import StandinConfig
from infrastructure.standin.server import Standin
from tests.standin.stage import Integrator, Stage


@pytest.fixture
async def stage(nursery: trio.Nursery) -> AsyncIterator[Stage]:
    integrator = Integrator()
    async with httpx.AsyncClient(transport=httpx.MockTransport(integrator)) as client:
        yield Stage(Standin.create(StandinConfig(assembly_delay=0), client, nursery), integrator)
