"""The description of the API: all of it, nothing else, and true of every answer that a test is given."""

from __future__ import annotations

import json
from typing import Any

import httpx
import jsonschema_rs
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.web.described import check
from tests.web.fake_server import SECRET
from tests.web.life import Running
from tests.web.service import AUTH_SECRET, PUBLIC_URL, Service
from web.app import ROUTES
from web.doctor import PROBE
from web.errors import TABLE
from web.openapi.document import described

PAGES = {
    ("get", "/"),
    ("get", "/files/{id}"),
    ("post", "/files/{id}/versions/{number}/restore"),
    ("post", "/files/{id}/shares"),
    ("get", "/documents/{key}"),
    ("post", "/documents/{key}/drop"),
    ("post", "/files/{id}/convert"),
    ("get", "/new"),
    ("post", "/new"),
    ("get", "/doctor"),
    ("post", "/doctor"),
    ("get", PROBE),
    ("post", PROBE),
    ("get", "/audit"),
    ("get", "/sign-in"),
    ("post", "/sign-in"),
}  # for people, and for the doctor's probes


@pytest.fixture(params=[False, True], ids=["", "demo"])
def description(request: pytest.FixtureRequest) -> dict[str, Any]:
    return described(PUBLIC_URL, demo=request.param)


def test_it_is_openapi(description: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(description).validate()


def test_every_route_is_described_and_nothing_else(description: dict[str, Any]) -> None:
    routes = {(method.lower(), route.path) for route in ROUTES for method in (route.methods or ()) - {"HEAD"}}
    told = {(method, path) for path, operations in description["paths"].items() for method in operations}
    assert told == routes - PAGES
    assert routes >= PAGES


def test_every_error_is_described() -> None:
    told = json.dumps(described(PUBLIC_URL, demo=False)["components"]["responses"])
    assert all(f'"{code}"' in told for _, code in TABLE.values())


def test_all_that_is_kept_for_many_is_used() -> None:
    description = described(PUBLIC_URL, demo=False)
    text = json.dumps(description)
    unused = [
        f"{kind}/{name}"
        for kind, things in description["components"].items()
        for name in things
        if f"#/components/{kind}/{name}" not in text and f'{{"{name}": []}}' not in text
    ]
    assert not unused


async def test_anybody_may_read_it_and_it_holds_no_secret(service: Service) -> None:
    answer = await service.get("/openapi.json", by=None)
    assert answer.status_code == 200
    assert answer.json()["servers"] == [{"url": PUBLIC_URL}]
    assert "public" in answer.headers["cache-control"]
    assert not any(secret in answer.text for secret in (SECRET, AUTH_SECRET))
    again = await service.get("/openapi.json", by=None, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_in_the_demo_nobody_signs_in(running: Running) -> None:
    demo = await running(auth_secret=None)
    description = (await demo.get("/openapi.json", by=None)).json()
    listing = description["paths"]["/api/files"]["get"]
    assert listing["security"] == []
    assert "as" in {parameter["name"] for parameter in listing["parameters"]}


def answered(status: int, body: Any, path: str = "/api/files", method: str = "GET") -> httpx.Response:
    return httpx.Response(status, json=body, request=httpx.Request(method, PUBLIC_URL + path))


@pytest.mark.parametrize(
    "untold",
    [
        answered(200, {"files": [], "next": None, "also": 1}),
        answered(200, {"files": []}),
        answered(200, {"files": [{"id": 1}], "next": None}),
        answered(418, {"message": "x", "code": "teapot"}),
        answered(400, {"message": "x", "code": "teapot"}),
        answered(400, {"message": "x"}),
        answered(200, {}, "/api/new"),
        answered(200, {"events": [], "next": None}, "/api/audit", "POST"),
    ],
    ids=range(8),
)
def test_an_answer_that_is_not_described_fails_its_test(untold: httpx.Response) -> None:
    with pytest.raises((AssertionError, jsonschema_rs.ValidationError)):
        check(untold)
