"""Bytes as no honest client sends them, over a socket of one's own."""

from __future__ import annotations

from urllib.parse import urlsplit

import trio

from tests.web.service import Service

PATIENCE = 8.0  # seconds


async def dial(service: Service) -> trio.SocketStream:
    url = urlsplit(service.url)
    assert url.hostname
    return await trio.open_tcp_stream(url.hostname, url.port or 80)


async def talk(service: Service, data: bytes, enough: bytes = b"\r\n\r\n") -> bytes:
    """What is answered, up to the end of the connection or what is `enough`."""
    said = b""
    async with await dial(service) as stream:
        with trio.fail_after(PATIENCE):
            try:
                await stream.send_all(data)
                while enough not in said and (chunk := await stream.receive_some()):
                    said += chunk
            except trio.BrokenResourceError:
                return said or b"cut off"
    return said


def status(said: bytes) -> int:
    """Nought when there was no answer, and the connection has ended."""
    return int(said.split(b" ", 2)[1]) if said.startswith(b"HTTP/1.1 ") else 0


async def alive(service: Service) -> bool:
    return (await service.get("/healthz", by=None)).status_code == 200
