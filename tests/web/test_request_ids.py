"""Every request has an id: ours, or that of a proxy which is trusted."""

from __future__ import annotations

import logging
import re
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Scope

from application import about
from infrastructure.metrics import Metrics
from tests.web.life import Running
from tests.web.service import Service
from web.observing import Observed

OURS = re.compile(r"[0-9a-f]{16}")


async def answered(service: Service, path: str = "/api/files", **headers: str) -> str:
    return (await service.get(path, headers=headers)).headers["X-Request-ID"]


async def test_each_answer_has_another(service: Service) -> None:
    paths = ("/api/files", "/healthz", "/nowhere", "/static/docledger.css", "/api/files/none")
    ids = {await answered(service, path) for path in paths}
    assert len(ids) == len(paths)
    assert all(OURS.fullmatch(id_) for id_ in ids)


async def test_a_client_does_not_choose_it(service: Service) -> None:
    assert await answered(service, **{"X-Request-ID": "mine"}) != "mine"


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        ("7f3a-b.c_D", True),
        ("x" * 64, True),
        ("x" * 65, False),
        ("a b", False),
        ("a\tb", False),
        ("ü", False),
    ],
)
async def test_a_trusted_proxy_does_if_it_is_sane(running: Running, sent: str, taken: bool) -> None:
    service = await running(trusted_proxies="127.0.0.0/8")
    told = await service.http.get(service.url + "/healthz", headers=[(b"X-Request-ID", sent.encode())])
    id_ = told.headers["X-Request-ID"]
    assert (id_ == sent) if taken else OURS.fullmatch(id_)


async def test_the_log_says_what_was_asked_without_its_query(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    file = await service.add()
    with caplog.at_level(logging.INFO, "web.requests"):
        told = await service.get(f"/api/files/{file}?token=secret&as=Ada")
        await service.get("/healthz")
    (line,) = [record for record in caplog.records if record.name == "web.requests"]
    assert line.getMessage() == f"GET /api/files/{file} 200"
    said = {name: line.__dict__[name] for name in ("method", "path", "route", "status", "bytes")}
    assert said == {
        "method": "GET",
        "path": f"/api/files/{file}",
        "route": "/api/files/{id}",
        "status": 200,
        "bytes": len(told.content),
    }
    assert 0 < line.__dict__["ms"] < 15_000


async def test_a_bug_of_ours_is_counted_and_has_an_id_too() -> None:
    async def broken(_: Request) -> Response:
        raise ZeroDivisionError

    metrics, sent = Metrics(), list[Message]()
    context = SimpleNamespace(metrics=metrics, request_id=lambda scope: "r-1")
    scope: Scope = {"type": "http", "method": "GET", "path": "/broken", "headers": [], "query_string": b""}

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    app = Observed(Starlette(routes=[Route("/broken", broken)]))
    with pytest.raises(ZeroDivisionError):
        await app({**scope, "state": {"context": context}}, receive, send)
    assert about.known() == {"request": "r-1"}, "the server logs the trace in the same task"
    assert (sent[0]["status"], sent[0]["headers"][-1]) == (500, (b"x-request-id", b"r-1"))
    text, _ = await metrics.exposed("")
    assert b'docledger_http_requests_total{method="GET",route="/broken",status="5xx"} 1.0' in text
