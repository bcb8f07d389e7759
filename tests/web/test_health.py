"""Whether it lives and whether it is ready, each in one JSON object."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import trio

from infrastructure.kept import own_secret
from infrastructure.tokens import JwtTokens
from tests.ports import free_port
from tests.trouble import broken, locked
from tests.web.fake_server import FakeServer
from tests.web.life import Running
from tests.web.service import Service, settings, word
from web.bootstrap import Stages, assemble
from web.configured import connection_of

FINE = {"journal", "blobs", "event_loop", "documents", "door", "shutdown"}


async def readiness(service: Service) -> tuple[int, dict[str, Any]]:
    told = await service.get("/readyz", by=None)
    return told.status_code, told.json()


async def wrong(service: Service) -> dict[str, str]:
    """The checks that find something; none when it is ready."""
    status, told = await readiness(service)
    assert set(told) == {"status", "checks"}
    bad = {name: said for name, said in told["checks"].items() if said != "ok"}
    assert (status, told["status"]) == ((503, "not ready") if bad else (200, "ready"))
    return bad


async def until_ready(service: Service) -> None:
    await until(service, {})


async def until(service: Service, checks: dict[str, str]) -> None:
    with trio.fail_after(20):
        while await wrong(service) != checks:  # noqa: ASYNC110 (the service is asked, as a probe does)
            await trio.sleep(0.05)


async def test_a_service_that_has_started_is_ready(service: Service) -> None:
    await until_ready(service)
    assert await readiness(service) == (200, {"status": "ready", "checks": dict.fromkeys(FINE, "ok")})
    assert (await service.get("/healthz", by=None)).json() == {"status": "ok"}


async def test_it_is_ready_without_a_document_server_for_saves_must_be_taken(running: Running) -> None:
    service = await running(document_server_url="http://127.0.0.1:1")
    await until_ready(service)


async def test_it_is_ready_without_the_redis_that_counts_its_requests(running: Running) -> None:
    service = await running(rate_limit_url=f"redis://127.0.0.1:{free_port()}/0")
    await until_ready(service)


async def test_it_is_not_while_the_log_takes_nothing(running: Running) -> None:
    service = await running(callback_budget_seconds=0.5)
    file = await service.add()
    key = await service.begin(file)
    with locked(service.settings.database_path):
        await service.offered(6, key, "1", word("Newer."))
        await until(service, {"journal": "the last write failed"})
        assert (await service.get("/healthz", by=None)).status_code == 200
    await until_ready(service)


async def test_it_is_not_while_the_blob_store_fails(service: Service) -> None:
    key = await service.begin(await service.add())
    await until_ready(service)
    with broken(service.settings.blobs_path):
        await until(service, {"blobs": "it fails"})
        await service.offered(6, key, "1", word("Newer."))
        await until(service, {"blobs": "new bytes are kept on the local disk"})
    await until_ready(service)


async def test_it_is_not_before_all_is_taken_up_nor_when_it_stops(tmp_path: Path, server: FakeServer) -> None:
    stages, given = Stages(), settings(tmp_path / "data", server)
    async with assemble(given, connection_of(given), stages) as context:
        said = await context.readiness.judged()
        assert said == dict.fromkeys(FINE, "ok") | {"documents": "the open documents are not taken up yet"}
        stages.listening.set()
        with trio.fail_after(10):
            await stages.taken_up.wait()
        assert await context.readiness.judged() == dict.fromkeys(FINE, "ok")
        stages.stopping.set()
        assert (await context.readiness.judged())["shutdown"] == "shutting down"


async def test_it_is_not_when_it_is_shut_for_maintenance(service: Service) -> None:
    await until_ready(service)
    token = JwtTokens(own_secret(service.settings), None, None).operator_token()
    headers = {"Authorization": f"Bearer {token}"}
    assert (await service.post("/api/drain?close=true", by=None, headers=headers)).status_code == 200
    assert await wrong(service) == {"door": "shut for maintenance"}
