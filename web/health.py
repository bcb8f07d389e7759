"""For whoever looks after the service: that it lives, whether it is ready, and what it has counted."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from application.files import Forbidden
from application.readiness import FINE
from web.context import bearer, context_of, person_of


async def healthz(request: Request) -> Response:
    """The process answers; whether its storage does is another question."""
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """Whether to send anybody here; a restart mends none of this, so it is not for what restarts us."""
    checks = await context_of(request).readiness.judged()
    ready = all(said == FINE for said in checks.values())
    answer = {"status": "ready" if ready else "not ready", "checks": dict(checks)}
    return JSONResponse(answer, 200 if ready else 503, headers={"Cache-Control": "no-store"})


async def metrics(request: Request) -> Response:
    context = context_of(request)
    token = bearer(request.headers)
    if not (token and context.is_scraper(token)) and not person_of(request).operates:
        raise Forbidden("Only an admin, or whoever has the METRICS_TOKEN, may read the metrics.")
    text, kind = await context.metrics.exposed(request.headers.get("accept", ""))
    return Response(text, media_type=kind)
