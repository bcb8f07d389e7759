"""Claims that are genuine and yet odd: the save behind them counts, and the document goes on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.web.fake_server import signed
from tests.web.service import CALLBACK, Service, second, word

NEWER = word("Newer words.")
HALF = "half a surrogate pair: \ud83d"  # what cutting a text with an emoji leaves in JavaScript


async def told(service: Service, claims: dict[str, Any]) -> None:
    body = json.dumps({"token": signed(claims)})
    answer = await service.http.post(service.url + CALLBACK, content=body)
    assert (answer.status_code, answer.json()) == (200, {"error": 0})


@pytest.mark.parametrize(
    "odd",
    [
        {"history": {"changes": [{"user": {"name": HALF}}]}},
        {"history": {"changes": [{"created": float("nan")}]}},
        {"users": [HALF]},
        {"changesurl": HALF},
        {"changesurl": "http://["},
        {"userdata": HALF},
    ],
    ids=str,
)
async def test_bytes_that_come_with_odd_claims_are_saved(service: Service, odd: dict[str, Any]) -> None:
    file = await service.add()
    key = await service.begin(file)
    url = service.server.result("1", NEWER)
    await told(
        service, {"key": key, "status": 2, "url": url, "filetype": "docx", "lastsave": second(1), **odd}
    )
    assert await service.content(file) == NEWER
    assert (await service.story(key))[-2:] == ["Saved", "Closed"]


@pytest.mark.parametrize(
    "claims",
    [{"status": 6, "url": "http://["}, {"status": 6, "url": HALF}, {"status": 1, "users": [HALF]}],
    ids=str,
)
async def test_what_cannot_be_meant_does_not_bring_the_document_down(
    service: Service, caplog: pytest.LogCaptureFixture, claims: dict[str, Any]
) -> None:
    key = await service.begin(await service.add())
    await told(service, {"key": key, **claims})
    assert "crashed" not in caplog.text
    assert await service.offered(6, key, "1", NEWER) == (200, 0)
