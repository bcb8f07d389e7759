"""The rate limit, as clients and the Document Server meet it."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from tests.ports import free_port
from tests.web.life import Running
from tests.web.service import Service

EVERY_KIND = [
    "/api/onlyoffice/config/x",
    "/api/onlyoffice/viewer/x",
    "/api/onlyoffice/file/x",
    "/api/files",
    "/api/x",
]


@pytest.fixture
async def service(running: Running) -> Service:
    return await running(rate_limit="4/minute")


async def link(service: Service, file: str) -> str:
    """A file's link, as the Document Server is given it."""
    url = urlsplit((await service.open(file))["config"]["document"]["url"])
    return f"{url.path}?{url.query}"


async def test_every_limited_answer_says_how_much_is_left(service: Service) -> None:
    for left, path in zip((3, 2, 1, 0), EVERY_KIND, strict=False):
        answer = await service.get(path)
        assert answer.headers["RateLimit-Limit"] == "4"
        assert answer.headers["RateLimit-Remaining"] == str(left)
        assert 0 < int(answer.headers["RateLimit-Reset"]) <= 60


@pytest.mark.parametrize("path", EVERY_KIND)
async def test_whoever_asks_too_often_is_told_when_to_come_back(service: Service, path: str) -> None:
    for _ in range(4):
        assert (await service.get("/api/files")).status_code == 200
    refused = await service.get(path)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert refused.headers["RateLimit-Remaining"] == "0"
    assert refused.headers["Retry-After"] == refused.headers["RateLimit-Reset"]


async def test_file_links_are_counted_one_by_one(service: Service) -> None:
    file = await service.add()
    first, other = await link(service, file), await link(service, file)
    for _ in range(4):
        assert (await service.get(first, by=None)).status_code == 200
    assert (await service.get(first, by=None)).status_code == 429
    assert (await service.get(other, by=None)).status_code == 200
    assert (await service.get("/api/files")).status_code == 200


async def test_a_guessed_link_is_counted_by_address(service: Service) -> None:
    for number in range(4):
        assert (await service.get(f"/api/onlyoffice/file/x?token=guess{number}", by=None)).status_code == 403
    assert (await service.get("/api/onlyoffice/file/x?token=another", by=None)).status_code == 429


async def test_callbacks_health_and_static_files_are_never_refused(service: Service) -> None:
    for _ in range(6):
        assert await service.told(1, "any", users=[]) == (200, 0)
        assert (await service.get("/healthz")).status_code == 200
        assert (await service.get("/static/viewer.js")).status_code == 200


async def test_a_forwarded_address_is_believed_from_a_trusted_proxy_only(running: Running) -> None:
    trusting = await running(rate_limit="1/minute", trusted_proxies="127.0.0.1")
    strict = await running(rate_limit="1/minute")
    for number, expected in ((1, 200), (2, 200)):
        headers = {"X-Forwarded-For": f"203.0.113.{number}"}
        assert (await trusting.get("/api/files", headers=headers)).status_code == expected
    statuses = [
        (await strict.get("/api/files", headers={"X-Forwarded-For": f"203.0.113.{number}"})).status_code
        for number in (1, 2)
    ]
    assert statuses == [200, 429]


async def test_switched_off_nothing_is_counted(running: Running) -> None:
    service = await running(rate_limit="off")
    answer = await service.get("/api/files")
    assert not [name for name in answer.headers if name.lower().startswith("ratelimit")]


async def test_without_its_redis_each_process_limits_for_itself_and_says_so(running: Running) -> None:
    service = await running(rate_limit="3/minute", rate_limit_url=f"redis://127.0.0.1:{free_port()}/0")
    assert await service.told(1, "any", users=[]) == (200, 0)
    answers = [await service.get("/api/files", by="admin:root") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    told = await service.get("/metrics", by="admin:root")
    assert "docledger_rate_limit_failing 1.0" in told.text
