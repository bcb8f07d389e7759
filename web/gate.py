"""What every request passes: the rate limit, and no state changes on behalf of other sites."""

from __future__ import annotations

from contextlib import suppress

from starlette.datastructures import Headers, QueryParams
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from application.limits import Decision
from application.tokens import BadToken
from web.context import FILE_CLAIMS, Context, origin_of
from web.guard import STATIC

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
CALLBACK = "/api/onlyoffice/callback"  # has bounds of its own
UNLIMITED = frozenset({"/healthz", "/readyz", "/metrics"})  # asked by machines, and cheap
FILE = "/api/onlyoffice/file/"
LIMITS = "rate_limit"  # in `request.state`: headers for the answer


class Gate:
    """Pure ASGI: a BaseHTTPMiddleware costs as much as the whole rest of a small request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == CALLBACK:
            await self._app(scope, receive, send)
            return
        context: Context = scope["state"]["context"]
        if scope["method"] not in SAFE and not same_site(scope, context.site.public_url):
            refusal = {"message": "Another site may not change anything here.", "code": "cross_site"}
            await JSONResponse(refusal, 403)(scope, receive, send)
        elif scope["path"] in UNLIMITED or scope["path"].startswith(STATIC):
            await self._app(scope, receive, send)
        else:
            await self._limited(context, scope, receive, send)

    async def _limited(self, context: Context, scope: Scope, receive: Receive, send: Send) -> None:
        decision = await context.limits.requests.hit(_subject(context, scope))
        if not decision.allowed:
            await _too_many(decision)(scope, receive, send)
            return
        scope["state"][LIMITS] = [
            (name.lower().encode(), value.encode()) for name, value in decision.headers().items()
        ]
        await self._app(scope, receive, send)


def _subject(context: Context, scope: Scope) -> str:
    """Whom to count: the address, but the Document Server, which is one address, per file link."""
    if scope["path"].startswith(FILE):
        token = QueryParams(scope["query_string"]).get("token", "")
        with suppress(BadToken):  # whoever guesses at links is counted by address
            claims = scope[FILE_CLAIMS] = context.tokens.read_file_token(token)
            return f"file {claims.jti}"
    return context.subject_of(context.address_of(scope))


def same_site(scope: Scope, public_url: str) -> bool:
    """Browsers say where a request comes from; programs do not, and carry no cookies by accident."""
    headers = Headers(scope=scope)
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is None or origin == origin_of(public_url)


def _too_many(decision: Decision) -> JSONResponse:
    wait = f"Too many requests. Wait {decision.reset_seconds} seconds."
    return JSONResponse({"message": wait, "code": "rate_limited"}, 429, headers=decision.headers())
