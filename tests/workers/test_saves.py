"""Saves come in while workers are renewed or killed: what was acknowledged is a version, byte for byte."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
import trio

from tests.service import Service
from tests.web.fake_server import SECRET, FakeServer, document_server
from tests.web.service import second, word
from tests.web.test_kills import SETTINGS, Killable
from tests.workers.test_service import children, start

PATIENCE = 120.0  # seconds
Trouble = Callable[[Service], Callable[[], bool]]  # what begins it gives what says that it is over


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with document_server() as server:
        yield server


@pytest.fixture
async def people(tmp_path: Path, postgres_database: str, server: FakeServer) -> AsyncIterator[Killable]:
    """Who edit a document, and whose Document Server takes a new connection for every callback."""
    service = Service(
        tmp_path,
        DATABASE_URL=postgres_database,
        WORKERS="2",
        DOCUMENT_SERVER_URL=server.url,
        DOCUMENT_SERVER_SECRET=SECRET,
        CALLBACK_REPLY="durable",
        GRACE_SECONDS="2",
        **{**SETTINGS, "LOG_LEVEL": "info"},
    )
    async with httpx.AsyncClient(
        trust_env=False, timeout=30, limits=httpx.Limits(max_keepalive_connections=0)
    ) as http:
        people = Killable(service, server, http)
        try:
            await trio.to_thread.run_sync(start, service)
            await people.open()
            yield people
        finally:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(service.close)


def renewed(service: Service) -> Callable[[], bool]:
    os.kill(service.pid, signal.SIGHUP)
    return lambda: "all workers are new" in service.log()


def killed(service: Service) -> Callable[[], bool]:
    """One, and after it all, the first of them again among them."""
    first, *_ = children(service)
    os.kill(first, signal.SIGKILL)
    return lambda: first not in (now := children(service)) and len(now) == 2


@pytest.mark.parametrize("trouble", [renewed, killed])
async def test_no_acknowledged_save_is_lost(people: Killable, server: FakeServer, trouble: Trouble) -> None:
    service, acknowledged = people.service, list[bytes]()
    over = trouble(service)
    left = 10  # saves, once it is over
    with trio.fail_after(PATIENCE):
        while left:
            content = word(f"Words {len(acknowledged)}.")
            url = server.result(f"save-{len(acknowledged)}", content)
            offer = {**people.offer(6, url), "lastsave": second(len(acknowledged) + 1)}
            try:
                assert await people.told(offer) == (200, 0)
                acknowledged.append(content)
            except httpx.TransportError:  # a Document Server tries again
                assert trouble is killed, "nobody is refused"
            left -= await people.asks(over)
            await trio.sleep(0.05)  # people type
    versions = await people.asks(lambda: service.versions(people.file))
    kept = [
        await people.asks(lambda number=version["number"]: service.content(people.file, number))
        for version in versions
    ]
    assert set(acknowledged) <= set(kept)
    assert kept[-1] == acknowledged[-1]
    assert versions[-1]["head"]
