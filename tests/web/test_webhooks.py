"""Others are told what became of a session, by the service as it runs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.infrastructure import raw_server
from tests.infrastructure.raw_server import RawServer, says
from tests.web.life import Running
from tests.web.service import Service, word

pytestmark = pytest.mark.in_both

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


@pytest.fixture
async def receiver() -> AsyncIterator[RawServer]:
    async with raw_server.running(says("204 No Content")) as receiver:
        yield receiver


async def told(service: Service, receiver: RawServer, count: int) -> list[dict[str, Any]]:
    await service.until(lambda: len(receiver.requests) >= count)
    return [json.loads(request.body) for request in receiver.requests]


async def test_a_session_that_ends_well(running: Running, receiver: RawServer) -> None:
    service = await running(webhook_urls=(f"{receiver.url}/hook",), webhook_secret=SECRET)
    file = await service.add()
    key = await service.begin(file)
    user = (await service.open(file))["config"]["editorConfig"]["user"]["id"]
    assert await service.offered(2, key, "1", word("Newer."), users=[user]) == (200, 0)
    messages = await told(service, receiver, 3)
    assert sorted(message["type"] for message in messages) == ["document.closed", *["document.saved"] * 2]
    assert [message["data"]["position"] for message in messages] == sorted(
        message["data"]["position"] for message in messages
    )
    (saved,) = (message["data"] for message in messages if message["data"].get("trigger") == "final")
    assert (saved["file"], saved["file_name"], saved["key"]) == (file, "Plan.docx", key)
    assert (saved["version"], saved["head"], saved["users"]) == (2, True, [{"id": user, "name": "Ada"}])
    assert saved["text"].startswith("Version 2 was stored (everybody had left)")
    (closed,) = (message["data"] for message in messages if message["type"] == "document.closed")
    assert (closed["reason"], closed["key"]) == ("saved", key)


async def test_what_comes_as_a_save_and_is_no_document(running: Running, receiver: RawServer) -> None:
    service = await running(webhook_urls=(receiver.url,), webhook_secret=SECRET, callback_reply="durable")
    key = await service.begin(await service.add())
    await service.offered(2, key, "1", b"no document")
    messages = await told(service, receiver, 3)
    failed = next(message["data"] for message in messages if message["type"] == "document.failed")
    assert (failed["source"], failed["next"]) == ("verification", "quarantine")
    assert failed["sha256"] in service.quarantined()
