"""Request bodies, as streams with a deadline or as a whole."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from math import inf
from typing import Any, Self
from urllib.parse import parse_qs

import trio
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from application.outside_json import value_of
from application.ports import TooLarge
from web.connections import WHOLE
from web.errors import BadRequest

IDLE = 60.0  # seconds without a byte of an upload
SLACK = 60.0  # seconds that a body may take, whatever its size
SLOWEST = 1024.0  # bytes per second beyond that: whoever is slower only holds a connection
SMALL = 64 * 1024  # bytes, of a form or a piece of JSON


class BrokenOff(BadRequest):
    """The body stalled or ended early."""


class Body:
    """A request's body, chunk by chunk. No generator, so that whoever has enough may walk away."""

    def __init__(self, request: Request, idle: float = IDLE, slowest: float = SLOWEST) -> None:
        self._receive = request.receive
        self._idle = idle
        self._slowest = slowest
        self._until = trio.current_time() + SLACK
        self._ended = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """Raises BrokenOff."""
        while not self._ended:
            with trio.move_on_at(min(self._until, trio.current_time() + self._idle)) as waiting:
                message = await self._receive()
            if waiting.cancelled_caught or message["type"] == "http.disconnect":
                raise BrokenOff("The upload broke off. Send it again.")
            self._ended = not message.get("more_body", False)
            if chunk := message.get("body", b""):
                self._until += len(chunk) / self._slowest
                return bytes(chunk)
        raise StopAsyncIteration


async def whole(request: Request, most: int, idle: float = IDLE) -> bytes:
    """A body that is looked at as a whole. Raises BrokenOff; TooLarge beyond `most` bytes."""
    came: bytes | None = request.scope.get(WHOLE)
    if came is None:
        return await _gathered(Body(request, idle, inf), most)
    if len(came) > most:
        raise _too_large(most)
    return came


async def _gathered(chunks: Body, most: int) -> bytes:
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > most:
            raise _too_large(most)
    return bytes(body)


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"The body has more than {most} bytes.")


async def json_object(
    request: Request, example: str, otherwise: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The body; `otherwise` stands for an empty one. Raises BadRequest, BrokenOff, TooLarge."""
    body = await whole(request, SMALL)
    if otherwise is not None and not body.strip():
        return otherwise
    try:
        value = value_of(body)
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise BadRequest(f"Send a JSON object, such as {example}.")
    return value


async def form_of(request: Request) -> Mapping[str, str]:
    """What a form of ours sends. Raises BrokenOff, TooLarge."""
    sent = (await whole(request, SMALL)).decode("ascii", "replace")
    return {name: values[0] for name, values in parse_qs(sent).items()}


class Upload:
    """The one file of a multipart form, handed on while it arrives; nothing is spooled."""

    def __init__(self, request: Request, field: str) -> None:
        kind, options = parse_options_header(request.headers.get("content-type", ""))
        if kind != b"multipart/form-data" or b"boundary" not in options:
            raise BadRequest(f"Send the file as multipart/form-data, in the field {field!r}.")
        self.filename = ""
        self._field = field
        self._body = Body(request)
        self._ready: list[bytes] = []
        self._header = bytearray(), bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._inside = self._over = False
        callbacks = {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._data,
            "on_part_end": self._end,
        }
        try:
            self._parser = MultipartParser(options[b"boundary"], callbacks)  # type: ignore[arg-type]
        except ValueError as malformed:
            raise BadRequest(f"The form is malformed: {malformed}.") from malformed

    async def name(self) -> str:
        """The file's name, as soon as its part begins. Raises BadRequest if there is none."""
        while not self.filename and await self._feed():
            pass
        if not self.filename:
            raise BadRequest(f"The form has no file in the field {self._field!r}.")
        return self.filename

    async def chunks(self) -> AsyncIterator[bytes]:
        """The file's bytes. Raises BadRequest when the form breaks off in the middle of them."""
        while True:
            ready, self._ready = self._ready, []
            for chunk in ready:
                yield chunk
            if self._over:
                return
            if not await self._feed():
                raise BrokenOff("The form broke off. Send it again.")

    async def _feed(self) -> bool:
        chunk = await anext(self._body, None)
        if chunk is None:
            return False
        try:
            self._parser.write(chunk)
        except ValueError as malformed:
            raise BadRequest(f"The form is malformed: {malformed}.") from malformed
        return True

    def _begin(self) -> None:
        self._headers = {}

    def _header_end(self) -> None:
        name, value = self._header
        self._headers[bytes(name).lower()] = bytes(value)
        self._header = bytearray(), bytearray()

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if options.get(b"name") == self._field.encode() and b"filename" in options and not self.filename:
            self.filename = options[b"filename"].decode("utf-8", "replace")
            self._inside = True

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._inside:
            self._ready.append(data[start:end])

    def _end(self) -> None:
        if self._inside:
            self._inside, self._over = False, True
