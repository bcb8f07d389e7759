"""Requests that are none, and protocols that are not spoken."""

from __future__ import annotations

import pytest

from tests.wire.apps import echo
from tests.wire.served import Serve, answers
from web.connections import Connection
from web.lean.connection import Lean

GET = b"GET / HTTP/1.1\r\nHost: x\r\n"

BAD = {
    "no request line": (b"\r\n\r\n", 400),
    "binary": (b"\x00\xff\r\n\r\n", 400),
    "no version": (b"GET /\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (GET + b"Host: y\r\n\r\n", 400),
    "blank before the colon": (GET + b"X : y\r\n\r\n", 400),
    "two lengths": (GET + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    "negative length": (GET + b"Content-Length: -1\r\n\r\n", 400),
    "unknown encoding": (GET + b"Transfer-Encoding: gzip\r\n\r\n", 501),
    "a head that does not end": (GET + b"X: " + b"y" * 200_000, 431),
    "a head that is not ended": (GET + b"X: ", 400),
    "two encodings": (GET + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    "a control character": (GET + b"X: a\0b\r\n\r\n", 400),
    "a blank in the path": (b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "beyond ascii": (b"GET /\xe4 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a length that is none": (GET + b"Content-Length: 0x1\r\n\r\na", 400),
    "a length without end": (GET + b"Content-Length: " + b"9" * 40 + b"\r\n\r\na", 400),
}


@pytest.mark.parametrize("name", BAD)
async def test_it_is_refused(serve: Serve, name: str) -> None:
    data, status = BAD[name]
    served = await serve(echo)
    [answered] = answers(await served.said(data), iter(["GET"]))
    assert (answered.status, answered.body, answered.headers["connection"]) == (status, b"", "close")
    assert "date" in answered.headers


async def test_it_is_refused_after_what_came_before_it(serve: Serve) -> None:
    served = await serve(echo)
    said = await served.said(GET + b"\r\n", b"\x00\r\n\r\n", GET + b"\r\n")
    assert [each.status for each in answers(said, iter(["GET", "GET"]))] == [200, 400]


async def test_it_is_heard_out_for_a_moment(serve: Serve, kind: type[Connection]) -> None:
    """The systems of some clients forget the answer when they are told that nobody reads what they send."""
    served = await serve(echo)
    async with served.client() as client:
        await client.send(GET + b"X: " + b"y" * 20_000)
        assert (await client.answer()).status == 431
        if kind is Lean:
            for _ in range(5):
                await client.send(b"y" * 100_000)
            await client.half_close()
        assert await client.rest() == b""


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c", b"TLS/1.0"])
async def test_an_upgrade_is_ignored(serve: Serve, protocol: bytes) -> None:
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nUpgrade: "
    served = await serve(echo)
    async with served.client() as client:
        for more in (b"\r\n\r\n", b"\r\nSec-WebSocket-Key: \xff\r\n\r\n"):
            await client.send(GET, upgrade, protocol, more)
            answered = await client.answer()
            assert (answered.status, answered.body) == (200, b"GET / ")


async def test_many_offers_at_once_are_as_many_requests(serve: Serve) -> None:
    served, count = await serve(echo), 1000
    async with served.client() as client:
        await client.send((GET + b"Connection: upgrade\r\nUpgrade: x\r\n\r\n") * count)
        for _ in range(count):
            assert (await client.answer()).body == b"GET / "


@pytest.mark.parametrize(
    "before", [b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"]
)
async def test_an_offer_behind_the_last_request_is_not_looked_at(
    serve: Serve, before: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    served = await serve(echo)
    upgrade = GET + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    [answered] = answers(await served.said(before + upgrade), iter(["GET"]))
    assert answered.headers["connection"] == "close"
    assert not caplog.records


async def test_http2_is_not_spoken(serve: Serve) -> None:
    served = await serve(echo)
    said = await served.said(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
    assert said.startswith(b"HTTP/1.1 ")


async def test_connect_is_a_method_like_others(serve: Serve) -> None:
    served = await serve(echo)
    [answered] = answers(await served.said(b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n"), iter(["HEAD"]))
    assert answered.status == 200
