"""The stage for tests on a jumping clock; a server and an integrator of flesh and blood for the others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import trio

from infrastructure.standin.store import Store
from tests.contract.integrator import Integrator as RealIntegrator
from tests.contract.integrator import integrator
from tests.standin.killable import SECRET, Killable
from tests.standin.stage import Integrator, Stage


@pytest.fixture
async def stage(nursery: trio.Nursery) -> AsyncIterator[Stage]:
    integrator = Integrator()
    transport = httpx.MockTransport(integrator)
    async with httpx.AsyncClient(transport=transport) as client:
        with Store() as store:
            stage = Stage(integrator, client, store, nursery)
            await stage.start()
            yield stage


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Killable]:
    server = Killable(tmp_path / "standin")
    yield server
    print(server.kill())


@pytest.fixture
def ours() -> Iterator[RealIntegrator]:
    with integrator(SECRET, b"night") as ours:
        yield ours
