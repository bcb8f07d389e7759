"""Requests that are none, or two at once; the service outlives each of them."""

from __future__ import annotations

import time
from typing import Any

import h2.config
import h2.connection
import pytest
import trio

from tests.attacks.raw import alive, dial, status, talk
from tests.web.life import Running
from tests.web.service import CALLBACK, Service, sign_in
from web.server import CONNECTIONS

GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
POST = f"POST {CALLBACK} HTTP/1.1\r\nHost: x\r\n".encode()
UPGRADE = GET + b"Connection: Upgrade\r\nUpgrade: "
WEBSOCKET = UPGRADE + b"websocket\r\nSec-WebSocket-Version: 13\r\n"


@pytest.fixture(params=CONNECTIONS)
async def service(running: Running, request: Any) -> Service:
    return await running(http_connections=request.param)


def http2(path: bytes = b"/", method: bytes = b"GET", *more: tuple[bytes, bytes]) -> bytes:
    client = h2.connection.H2Connection(
        h2.config.H2Configuration(header_encoding=None, validate_outbound_headers=False)
    )
    client.initiate_connection()
    headers = [(b":method", method), (b":path", path), (b":scheme", b"http"), (b":authority", b"x"), *more]
    client.send_headers(1, headers, end_stream=True)
    return bytes(client.data_to_send())


def rapid_reset(times: int) -> bytes:
    client = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding=None))
    client.initiate_connection()
    for stream in range(1, 2 * times, 2):
        client.send_headers(
            stream, [(":method", "GET"), (":path", "/"), (":scheme", "http"), (":authority", "x")]
        )
        client.reset_stream(stream)
    return bytes(client.data_to_send())


REFUSED: dict[str, tuple[bytes, set[int]]] = {
    "HTTP/2 at once": (http2(), {505}),
    "HTTP/2 with a byte beyond ASCII in its path": (http2(b"/\xff"), {505}),
    "HTTP/2 with one in its method": (http2(b"/", b"G\xffT"), {505}),
    "HTTP/2 CONNECT": (http2(b"/", b"CONNECT", (b":protocol", b"websocket")), {505}),
    "HTTP/2 rapid reset": (rapid_reset(500), {505}),
    "HTTP/3 by name": (b"GET / HTTP/3.0\r\nHost: x\r\n\r\n", {505}),
    "HTTP/9.9": (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", {505}),
    "HTTP/0.9": (b"GET /\r\n\r\n", {400}),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), {0, 400}),
    "binary": (bytes(range(256)) * 300, {0, 400, 431}),
    "CONNECT": (b"CONNECT evil.test:443 HTTP/1.1\r\nHost: x\r\n\r\n", {400}),
    "absolute form": (b"GET http://evil.test/healthz HTTP/1.1\r\nHost: x\r\n\r\n", {400}),
    "asterisk": (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", {400}),
    "TRACE": (b"TRACE /healthz HTTP/1.1\r\nHost: x\r\nCookie: token=secret\r\n\r\n", {405}),
    "TRACK": (b"TRACK / HTTP/1.1\r\nHost: x\r\n\r\n", {400, 405}),
    "DEBUG": (b"DEBUG / HTTP/1.1\r\nHost: x\r\n\r\n", {400, 405}),
    "PROPFIND": (b"PROPFIND / HTTP/1.1\r\nHost: x\r\n\r\n", {405}),
    "method with control characters": (b"G\x01T / HTTP/1.1\r\nHost: x\r\n\r\n", {400}),
    "long method": (b"G" * 5000 + b" / HTTP/1.1\r\nHost: x\r\n\r\n", {400, 404, 405}),
    "two lengths": (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX", {400}),
    "two lengths the other way": (
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nX",
        {400},
    ),
    "two Content-Lengths": (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", {400}),
    "Content-Length list": (POST + b"Content-Length: 5, 6\r\n\r\nabcdef", {400}),
    "negative length": (POST + b"Content-Length: -5\r\n\r\n", {400}),
    "length with a plus": (POST + b"Content-Length: +2\r\n\r\n{}", {400}),
    "length in hex": (POST + b"Content-Length: 0x2\r\n\r\n{}", {400}),
    "length of 5000 digits": (POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", {400}),
    "Transfer-Encoding twice": (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", {400, 501}),
    "Transfer-Encoding unknown": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", {501}),
    "Transfer-Encoding obscured": (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", {501}),
    "Transfer-Encoding with a tab": (POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n", {400, 501}),
    "Transfer-Encoding in HTTP/1.0": (
        f"POST {CALLBACK} HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode(),
        {400},
    ),
    "blank before the colon": (GET + b"Content-Length : 5\r\n\r\n", {400}),
    "header without a name": (GET + b": x\r\n\r\n", {400}),
    "NUL in a header": (GET + b"X: a\0b\r\n\r\n", {400}),
    "CR in a header": (GET + b"X: a\rb\r\n\r\n", {400}),
    "no Host": (b"GET /healthz HTTP/1.1\r\n\r\n", {400}),
    "two Hosts": (GET + b"Host: evil.test\r\n\r\n", {400}),
    "chunk with an extension over lines": (
        POST + b"Transfer-Encoding: chunked\r\n\r\n2;a=\nb\r\n{}\r\n0\r\n\r\n",
        {400},
    ),
    "chunk without hex": (POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n0\r\n\r\n", {400}),
    "chunk longer than it says": (POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n", {400}),
    "chunk of a size without end": (
        POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 5000 + b"\r\n",
        {400},
    ),
    "a head of 160 kB": (GET + b"X: " + b"a" * 160_000 + b"\r\n\r\n", {431}),
    "a path of 160 kB": (b"GET /" + b"a" * 160_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", {431}),
    "a thousand headers": (GET + b"a: b\r\n" * 1000 + b"\r\n", {431}),
    "ten thousand headers": (GET + b"a:b\r\n" * 10_000 + b"\r\n", {431}),
    "a header by a hundred lines": (GET + b"X: a\r\n" + b" b\r\n" * 20_000 + b"\r\n", {200, 400, 431}),
    "NUL in the path": (b"GET /static/%00 HTTP/1.1\r\nHost: x\r\n\r\n", {400}),
    "a new line in the path": (b"GET /files/%0d%0aX:%20y HTTP/1.1\r\nHost: x\r\n\r\n", {400}),
    "an escape in the path": (b"GET /files/%1b[2J HTTP/1.1\r\nHost: x\r\n\r\n", {400}),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_it_is_refused_and_the_service_goes_on(service: Service, name: str) -> None:
    data, expected = REFUSED[name]
    said = await talk(service, data)
    assert status(said) in expected, said[:200]
    assert b"secret" not in said
    assert await alive(service)


IGNORED = {
    "upgrade to HTTP/2": UPGRADE + b"h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    "upgrade to HTTP/2 without settings": UPGRADE + b"h2c\r\n\r\n",
    "upgrade to HTTP/2 with broken settings": UPGRADE + b"h2c\r\nHTTP2-Settings: \xff!\r\n\r\n",
    "WebSocket": WEBSOCKET + b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    "WebSocket without a key": WEBSOCKET + b"\r\n",
    "WebSocket with bytes beyond ASCII": WEBSOCKET
    + b"Sec-WebSocket-Protocol: \xff\xfe\r\nSec-WebSocket-Key: \xff\r\n\r\n",
    "WebSocket with an extension": WEBSOCKET + b"Sec-WebSocket-Extensions: \xff\r\n\r\n",
    "TLS by upgrade": UPGRADE + b"TLS/1.0\r\n\r\n",
    "several": UPGRADE + b"h2c, websocket\r\n\r\n",
}


@pytest.mark.parametrize("name", IGNORED)
async def test_another_protocol_is_not_spoken(service: Service, name: str) -> None:
    """An upgrade may be ignored; the connection stays one of HTTP/1.1."""
    said = await talk(service, IGNORED[name], b'{"status":"ok"}')
    assert status(said) == 200
    assert b"101" not in said.partition(b"\r\n")[0]
    assert await alive(service)


async def test_a_second_request_hidden_in_the_body_of_one_is_none(service: Service) -> None:
    hidden = (
        b"GET /api/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
        + sign_in("ada").encode()
        + b"\r\n\r\n"
    )
    length = f"Content-Length: {len(hidden)}\r\n".encode()
    said = await talk(service, POST + length + b"\r\n" + hidden, b'{"error":0}')
    assert said.count(b"HTTP/1.1 ") == 1
    assert b"files" not in said


async def test_slow_heads_are_cut_and_others_served_meanwhile(service: Service) -> None:
    """Slowloris: four hundred of them, a byte now and then."""
    began, lived = time.monotonic(), []

    async def drip(ready: trio.Event) -> None:
        async with await dial(service) as stream:
            ready.set()
            try:
                for byte in b"GET /healthz HTTP/1.1\r\nX: " + b"a" * 100:
                    await stream.send_all(bytes([byte]))
                    await trio.sleep(1)
            except trio.BrokenResourceError:
                lived.append(time.monotonic() - began)

    async with trio.open_nursery() as nursery:
        for _ in range(400):
            ready = trio.Event()
            nursery.start_soon(drip, ready)
            await ready.wait()
        with trio.fail_after(2):
            assert await alive(service)
    assert len(lived) == 400
    assert max(lived) < 15
