"""The converter's client: it asks until there is a result, a number, or no time left."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest
import trio
from trio.testing import MockClock

from application.ports import ConversionFailed, ServerUnreachable
from infrastructure.document_server import HttpDocumentServer
from tests.fakes import FakeBlobs
from tests.infrastructure.raw_server import Reply, answers, running, says, stalls
from tests.infrastructure.test_document_server import SITE, client_for, sign

DONE = {"endConvert": True, "fileUrl": "http://office/cache/x?md5=1", "fileType": "docx", "percent": 100}
RUNNING = {"endConvert": False, "percent": 0}


async def convert(client: HttpDocumentServer) -> str:
    return await client.convert("http://us/f", filetype="doc", outputtype="docx", key="k-1", title="Plan.doc")


async def test_the_parameters_are_one_signed_token_under_the_key_of_the_attempt() -> None:
    async with running(answers(**DONE)) as server, client_for(server) as client:
        assert await convert(client) == DONE["fileUrl"]
    (request,) = server.requests
    assert request.line == "POST /converter?shardkey=k-1 HTTP/1.1"
    assert request.headers["accept"] == "application/json"
    wanted = {
        "async": True,
        "filetype": "doc",
        "key": "k-1",
        "outputtype": "docx",
        "title": "Plan.doc",
        "url": "http://us/f",
    }
    assert json.loads(request.body) == {"token": sign(wanted)}


async def test_an_old_server_is_asked_at_the_old_address() -> None:
    async with running(says("404 Not Found"), answers(**DONE)) as server, client_for(server) as client:
        assert await convert(client) == DONE["fileUrl"]
    assert server.requests[1].line == "POST /ConvertService.ashx?shardkey=k-1 HTTP/1.1"


async def test_it_is_asked_again_until_it_is_done() -> None:
    replies = [answers(**RUNNING), answers(**RUNNING), answers(**DONE)]
    async with running(*replies) as server, client_for(server, conversion_seconds=5) as client:
        assert await convert(client) == DONE["fileUrl"]
    assert len({request.body for request in server.requests}) == 1
    assert len(server.requests) == 3


@pytest.mark.parametrize("code", [-1, -4, -5, -10, -99])
async def test_its_numbers_are_told_in_words(code: int) -> None:
    async with running(answers(error=code)) as server, client_for(server) as client:
        with pytest.raises(ConversionFailed) as failed:
            await convert(client)
    assert failed.value.code == code
    assert str(failed.value)


@pytest.mark.parametrize("answer", [{"error": 0}, {"endConvert": True, "percent": 100}])
async def test_an_end_without_a_result_is_a_failure(answer: dict[str, Any]) -> None:
    async with running(answers(**answer)) as server, client_for(server) as client:
        with pytest.raises(ConversionFailed) as failed:
            await convert(client)
    assert failed.value.code == -1


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (says("404 Not Found"), "404"),
        (says("502 Bad Gateway"), "502"),
        (says("200 OK", b"<FileResult/>"), "not JSON"),
        (says("200 OK", b"[]"), "says nothing"),
        (says("200 OK", b'{"error":true}'), "says nothing"),
        (stalls(), r"within 1 s"),
    ],
)
async def test_an_unusable_answer_is_no_answer(reply: Reply, why: str) -> None:
    async with running(reply) as server, client_for(server) as client:
        with pytest.raises(ServerUnreachable, match=why):
            await convert(client)


async def test_nobody_there_is_unreachable() -> None:
    async with running(answers(**DONE)) as server:
        client = client_for(server, command_seconds=2)
    async with client:
        with pytest.raises(ServerUnreachable, match="no answer of the converter"):
            await convert(client)


async def test_what_never_ends_is_given_up_also_while_it_waits_for_its_turn(
    autojump_clock: MockClock,
) -> None:
    def reply(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=httpx.ByteStream(json.dumps(RUNNING).encode()))

    given_up: list[float] = []

    async def ask(client: HttpDocumentServer) -> None:
        with pytest.raises(ServerUnreachable, match="within 120 s"):
            await convert(client)
        given_up.append(trio.current_time())

    began = trio.current_time()
    async with (
        HttpDocumentServer(
            replace(SITE, conversion_seconds=120), FakeBlobs(), sign, httpx.MockTransport(reply)
        ) as client,
        trio.open_nursery() as nursery,
    ):
        for _ in range(6):
            nursery.start_soon(ask, client)
    assert [round(at - began) for at in given_up] == [120] * 6
