"""The callback endpoint: who really sent it, what becomes of it, and only then the answer."""

from __future__ import annotations

import logging

import trio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from application import about
from application.callbacks import Fate
from application.claims import BadCallback
from application.ports import TooLarge
from application.tokens import LONGEST_CALLBACK, BadToken
from web.bodies import BrokenOff, whole
from web.context import context_of

logger = logging.getLogger(__name__)

IDLE = 30.0  # seconds without a byte of the body

# A server takes only HTTP 200 with `error` 0 as success. 5xx earns a final its retries.
DURABLE = {
    Fate.DONE: (200, 0),
    Fate.UNSAFE: (503, 1),
    Fate.QUARANTINED: (200, 1),
    Fate.LOST: (200, 1),
    Fate.UNKNOWN_KEY: (403, 1),
    Fate.MEANINGLESS: (200, 1),
}


async def callback(request: Request) -> Response:
    context = context_of(request)
    address = context.address_of(request.scope)
    began = trio.current_time()
    try:
        body = await whole(request, LONGEST_CALLBACK, IDLE)
        said = context.tokens.read_callback(body, request.headers.get("authorization"))
    except (BadToken, TooLarge, BrokenOff) as bad:
        await context.trust.forgery(str(bad), address)
        return reply(403, 1) if context.site.durable else reply(200, 0)
    about.note(key=str(said.claims["key"]))
    context.trust.note_clock(said.skew)
    if said.expired:
        logger.warning("a genuine callback from %s had expired; it is taken all the same", address)
    try:
        fate = await context.callbacks.receive(said.claims)
    except BadCallback as bad:
        logger.error("%s", bad)
        fate = Fate.MEANINGLESS
    except Exception:  # the contract: answered all the same; what was recorded goes on
        logger.exception("a callback failed: %s", {k: said.claims.get(k) for k in ("key", "status")})
        fate = Fate.UNSAFE
    answer = DURABLE[fate] if context.site.durable else (200, 0)
    context.callbacks.note_reply(said.claims, *answer, trio.current_time() - began)
    return reply(*answer)


def reply(status: int, error: int) -> Response:
    headers = {"Retry-After": "1"} if status == 503 else {}
    return JSONResponse({"error": error}, status, headers=headers)
