"""Stored bytes as responses: with ranges, or by a proxy that finds them itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from application.ports import Blobs
from web.context import context_of

PRIVATE = {  # what people have made: each look at it is asked for, and nothing in it runs as ours
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
}
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class BlobResponse(Response):
    """Stored bytes, with Content-Length, ETag, one Range, and HEAD; or where nginx finds them."""

    def __init__(self, blobs: Blobs, sha256: str, size: int, headers: Mapping[str, str]) -> None:
        self._blobs = blobs
        self._sha256 = sha256
        self._size = size
        self._etag = f'"{sha256}"'
        self._extra = {**PRIVATE, "Accept-Ranges": "bytes", "ETag": self._etag, **headers}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        status, start, stop = self._wanted(request)
        headers = dict(self._extra)
        if status != 304 and (place := await self._place(request)) is not None:
            headers["X-Accel-Redirect"] = place
            del headers["Accept-Ranges"]  # ranges are nginx's to offer and to judge
            status, start, stop = 200, 0, 0
        if status == 206:
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{self._size}"
        if status == 416:
            headers["Content-Range"] = f"bytes */{self._size}"
        if status != 304:
            headers["Content-Length"] = str(stop - start)
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        if request.method != "HEAD" and stop > start:
            async for chunk in self._blobs.read(self._sha256, start, stop):
                start += len(chunk)
                await send({"type": "http.response.body", "body": chunk, "more_body": start < stop})
            if start == stop:
                return
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _place(self, request: Request) -> str | None:
        """Only for whoever says that it is nginx: the Document Server may ask us without one between."""
        location = context_of(request).site.accel_redirect
        told = request.headers.get("x-sendfile-type", "").lower()
        if location is None or request.method != "GET" or told != "x-accel-redirect":
            return None
        place = await self._blobs.place(self._sha256)
        return None if place is None else f"{location}/{place}"

    def _wanted(self, request: Request) -> tuple[int, int, int]:
        """Status, first byte, and the byte after the last (RFC 9110, one range only)."""
        if self._etag in request.headers.get("if-none-match", ""):
            return 304, 0, 0
        match = RANGE.fullmatch(request.headers.get("range", "").strip())
        if not match or match.groups() == ("", "") or not self._range_is_current(request):
            return 200, 0, self._size
        first, last = match.groups()
        if not first:
            return self._satisfiable(max(0, self._size - int(last)), self._size)
        if last and int(last) < int(first):
            return 200, 0, self._size
        return self._satisfiable(int(first), min(int(last) + 1, self._size) if last else self._size)

    def _range_is_current(self, request: Request) -> bool:
        return request.headers.get("if-range", self._etag) == self._etag

    def _satisfiable(self, start: int, stop: int) -> tuple[int, int, int]:
        return (206, start, stop) if start < stop else (416, 0, 0)


def attachment(name: str) -> dict[str, str]:
    """Never shown by the browser as a page of ours."""
    return {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Type": "application/octet-stream",
    }
