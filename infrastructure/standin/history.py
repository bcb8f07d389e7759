"""An old version's text, for the history panel: what `setHistoryData` named, once its token was checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .documents import FORMATS, read_text
from .docx_scan import NotWord
from .openings import EXPIRED, MALFORMED
from .outbox import FetchFailed
from .server import Standin
from .tokens import TokenExpired, TokenInvalid, verify


class Refused(Exception):
    """The version is not shown; the text says why."""


async def old_version(request: Request) -> Response:
    standin: Standin = request.app.state.standin
    try:
        given = await request.json()
        claims = _checked(given, standin.config.signing_secret)
        return JSONResponse(await _shown(standin, claims))
    except ValueError:
        return JSONResponse({"error": "That is no version."}, 400)
    except Refused as refused:
        return JSONResponse({"error": str(refused)})


def _checked(given: object, secret: str | None) -> Mapping[str, Any]:
    """What the token says is believed, and nothing beside it. Raises Refused."""
    if not isinstance(given, dict):
        raise Refused(MALFORMED[1])
    if secret is None:
        return given
    try:
        claims = verify(given.get("token"), secret)
    except TokenExpired:
        raise Refused(EXPIRED[1]) from None
    except TokenInvalid:
        raise Refused(MALFORMED[1]) from None
    if not claims.get("url") or not claims.get("key") or claims.get("version") != given.get("version"):
        raise Refused(MALFORMED[1])
    return claims


async def _shown(standin: Standin, claims: Mapping[str, Any]) -> dict[str, Any]:
    filetype = str(claims.get("fileType") or "").lower()
    try:
        content = await standin.outbox.fetch(str(claims.get("url") or ""))
        text = await read_text(filetype, content) if filetype in FORMATS else None
    except FetchFailed:
        raise Refused("Download failed.") from None
    except NotWord:
        raise Refused("The file content does not match the file extension.") from None
    return {"text": text, "size": len(content)}
