"""Applications as good and as bad as they come."""

from __future__ import annotations

from typing import Any

TEXT = (b"content-type", b"text/plain")
HOP_BY_HOP = frozenset({b"connection", b"upgrade"})  # a server may keep them to itself


async def body_of(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise EOFError
        body, more = body + message["body"], message["more_body"]
    return body


async def answer(send: Any, body: bytes, status: int = 200, *headers: tuple[bytes, bytes]) -> None:
    sized = (b"content-length", b"%d" % len(body))
    await begin(send, status, TEXT, sized, *headers)
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def begin(send: Any, status: int = 200, *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})


async def piece(send: Any, body: bytes, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Says what it was sent, as it was sent; with a query, the headers too."""
    body = await body_of(receive)
    said = f"{scope['method']} {scope['path']} ".encode()
    if scope["query_string"]:
        said += b"".join(b"%b=%b " % header for header in scope["headers"] if header[0] not in HOP_BY_HOP)
    if scope["path"] == "/chunked":
        await begin(send, 200, TEXT)
        for start in range(0, len(body), 7):
            await piece(send, body[start : start + 7])
        await piece(send, said, more=False)
    elif scope["path"] in {"/204", "/304"}:
        await begin(send, int(scope["path"][1:]))
        await piece(send, b"never seen", more=False)
    else:
        await answer(send, said + body)
