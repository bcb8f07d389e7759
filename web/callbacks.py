"""The callback endpoint: who really sent it, what becomes of it, and only then the answer."""

from __future__ import annotations

import logging
from functools import lru_cache

import trio
from starlette.requests import Request
from starlette.responses import Response

from application import about
from application.callbacks import OFFERS, Fate
from application.claims import BadCallback
from application.limits import Decision
from application.ports import TooLarge
from application.tokens import LONGEST_CALLBACK, BadToken, CallbackClaims
from web.bodies import BrokenOff, whole
from web.context import Context, context_of

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
    if _floods(request, address):
        return reply(429, 1)
    try:
        body = await whole(request, LONGEST_CALLBACK, IDLE)
        said = context.tokens.read_callback(body, request.headers.get("authorization"))
    except (BadToken, TooLarge, BrokenOff) as bad:
        _note_last(await context.limits.forgeries.hit(context.subject_of(address)), "forged", address)
        await context.trust.forgery(str(bad), address)
        return reply(403, 1) if context.site.durable else reply(200, 0)
    about.note(key=str(said.claims["key"]))
    if refusal := await _bounded(context, said, address):
        return refusal
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


def _floods(request: Request, address: str) -> bool:
    """Whether this client has forged so much that only what is signed in the header is read any more.

    A Document Server signs there too, so that a forger who seems to be at its address cannot silence it.
    """
    context = context_of(request)
    spent = context.limits.forgeries.spent(context.subject_of(address))
    return spent and not context.tokens.signed_by_server(request.headers.get("authorization"))


async def _bounded(context: Context, said: CallbackClaims, address: str) -> Response | None:
    """The answer to a letter that is not worked on: there are too many, or who is there was already heard.

    429 has a server try again with a final, and offer the rest at the next save; it keeps what it has.
    Others are answered as ever, since a bad answer warns every editor, and `info` tells who is there.
    """
    key, offers = str(said.claims["key"]), said.claims["status"] in OFFERS
    again = context.trust.heard(said.mark)
    if again and not offers:
        return reply(200, 0)
    limits = context.limits
    # Whoever sends recorded letters again must not use up the document's bound.
    bound, subject = (limits.forgeries, context.subject_of(address)) if again else (limits.callbacks, key)
    found = await bound.hit(subject)
    _note_last(found, key, address)
    if found.allowed:
        return None
    return reply(429, 1) if offers else reply(200, 0)


def _note_last(found: Decision, what: str, address: str) -> None:
    if found.allowed and found.limit and not found.remaining:
        wait = found.reset_seconds
        logger.warning("security: %s: no more callbacks from %s are taken for %d s", what, address, wait)


@lru_cache
def reply(status: int, error: int) -> Response:
    headers = {"Retry-After": "1"} if status in {429, 503} else {}
    return Response(b'{"error":%d}' % error, status, headers, "application/json")
