"""Old versions for the panel: only what the integrator has signed is fetched and shown."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from infrastructure.standin.app import create_app
from infrastructure.standin.tokens import bearer, sign, verify
from tests.contract.word import docx, paragraph
from tests.standin.stage import Stage

VERSION = {"version": 2, "key": "k-v2", "url": "http://integrator/file/1", "fileType": "txt"}


async def shown(stage: Stage, given: Any) -> dict[str, Any]:
    transport = httpx.ASGITransport(create_app(stage.standin))
    async with httpx.AsyncClient(transport=transport, base_url="http://standin") as client:
        answer = await client.post("/standin/history", json=given)
        return dict(answer.json())


def signed(stage: Stage, secret: str | None = None, age: float = 0, **changes: Any) -> dict[str, Any]:
    version = {**VERSION, **changes}
    token = sign(version, secret or stage.standin.config.secret, time.time() - age)
    return {**version, "token": token}


async def test_a_signed_version_is_fetched_with_the_servers_own_signature(stage: Stage) -> None:
    asked: list[httpx.Request] = []

    def document() -> httpx.Response:
        return httpx.Response(200, content="old words é".encode())

    stage.integrator.document = document
    plain = stage.client.event_hooks
    stage.client.event_hooks = {"request": [_noting(asked)], "response": plain["response"]}
    assert await shown(stage, signed(stage)) == {"text": "old words é", "size": 12}
    token = bearer(asked[0].headers["Authorization"])
    assert verify(token, stage.standin.config.secret)["payload"] == {"url": VERSION["url"]}


def _noting(asked: list[httpx.Request]) -> Any:
    async def note(request: httpx.Request) -> None:
        asked.append(request)

    return note


async def test_word_is_read_and_what_cannot_be_read_is_measured(stage: Stage) -> None:
    stage.integrator.document = lambda: httpx.Response(200, content=docx(paragraph("In Word.")))
    assert (await shown(stage, signed(stage, fileType="docx")))["text"] == "In Word."
    stage.integrator.document = lambda: httpx.Response(200, content=b"12345")
    assert await shown(stage, signed(stage, fileType="pdf")) == {"text": None, "size": 5}
    assert "does not match" in (await shown(stage, signed(stage, fileType="docx")))["error"]


@pytest.mark.parametrize("given", ["x", [], {}, VERSION, {**VERSION, "token": "x"}])
async def test_what_is_not_signed_is_not_fetched(stage: Stage, given: object) -> None:
    assert "token is not correctly formed" in (await shown(stage, given))["error"]
    assert not stage.integrator.fetches


async def test_a_token_must_be_ours_of_now_and_of_this_version(stage: Stage) -> None:
    stranger = await shown(stage, signed(stage, "somebody else's secret, of any length"))
    expired = await shown(stage, signed(stage, age=3600))
    other = await shown(stage, {**signed(stage), "version": 3})
    nameless = await shown(stage, signed(stage, key=""))
    for refused in (stranger, other, nameless):
        assert "not correctly formed" in refused["error"]
    assert "expired" in expired["error"]
    assert not stage.integrator.fetches


async def test_what_the_token_says_is_fetched_and_not_what_stands_beside_it(stage: Stage) -> None:
    stage.integrator.document = lambda: httpx.Response(200, content=b"signed")
    assert (await shown(stage, {**signed(stage), "fileType": "pdf", "url": "x"}))["text"] == "signed"


async def test_a_failed_download_is_told(stage: Stage, autojump_clock: object) -> None:
    stage.integrator.document = lambda: httpx.Response(403)
    assert await shown(stage, signed(stage)) == {"error": "Download failed."}
