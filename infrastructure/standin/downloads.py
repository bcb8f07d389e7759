"""Serving assembled files: signed urls, GET only, with ranges and entity tags."""

from __future__ import annotations

import re
from email.utils import formatdate

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from .documents import media_type
from .results import Expired, Forbidden, Missing, Result
from .server import Standin

RANGE = re.compile(r"bytes=(\d*)-(\d*)")


async def download(request: Request) -> Response:
    standin: Standin = request.app.state.standin
    if request.method == "HEAD":
        return PlainTextResponse("Not Found", 404)
    query = request.query_params
    try:
        path = request.url.path
        result = standin.results.find(path, query.get("md5", ""), query.get("expires", ""), standin.now())
    except Forbidden:
        return PlainTextResponse("Forbidden", 403)
    except Expired:
        return PlainTextResponse("Gone", 410)
    except Missing:
        return PlainTextResponse("Not Found", 404)
    return respond(
        result, request.url.path, request.headers.get("range"), request.headers.get("if-none-match")
    )


def respond(result: Result, path: str, asked: str | None, known: str | None) -> Response:
    size = len(result.content)
    headers = {
        "Content-Disposition": "attachment",
        "Accept-Ranges": "bytes",
        "Cache-Control": "public, max-age=0",
        "Last-Modified": formatdate(result.made, usegmt=True),
        "ETag": f'W/"{size:x}-{int(result.made * 1000):x}"',
    }
    if known == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    kind = media_type(path)
    if asked is None or not (bounds := RANGE.fullmatch(asked)) or bounds[0] == "bytes=-":
        return Response(result.content, headers=headers, media_type=kind)
    first, last = _bounds(bounds[1], bounds[2], size)
    if first > last:
        return PlainTextResponse("", 416, headers={"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return Response(result.content[first : last + 1], 206, headers=headers, media_type=kind)


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        return max(0, size - int(last)), size - 1
    return int(first), min(int(last), size - 1) if last else size - 1
