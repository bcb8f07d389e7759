"""For operators: how the service is, and getting it ready for a stop."""

from __future__ import annotations

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from application.files import Forbidden
from application.tokens import BadToken
from web.context import bearer, context_of, person_of
from web.errors import BadRequest

LONGEST = 600.0  # seconds


async def status(request: Request) -> Response:
    context = context_of(request)
    person = person_of(request)
    if not (context.site.demo or person.operates or person.audits):
        raise Forbidden("Only an admin or an auditor may see how the service is.")
    return JSONResponse(asdict(await context.operating.status()))


async def drained(request: Request) -> Response:
    """For `docledger drain`, which signs its request with our own secret."""
    context = context_of(request)
    try:
        context.tokens.read_operator_token(bearer(request.headers) or "")
    except BadToken as bad:
        raise Forbidden(f"This is for `docledger drain`: {bad}.") from bad
    close = request.query_params.get("close") == "true"
    result = await context.operating.drain(_seconds(request), close=close)
    return JSONResponse({"saved": result.saved, "left": list(result.left)})


def _seconds(request: Request) -> float:
    text = request.query_params.get("seconds", "30")
    if not text.isdecimal() or not 0 <= int(text) <= LONGEST:
        raise BadRequest(f"seconds is a whole number up to {LONGEST:.0f}.")
    return float(text)
