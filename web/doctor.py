"""The doctor over HTTP: a page and JSON for admins, and the place where its probes land."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from application.doctor.checks import Check, plain, summary, warn
from application.doctor.doctor import Report
from application.doctor.landing import PATH, Landing
from application.files import Forbidden, NotFound
from application.people import Person
from application.tokens import LONGEST_CALLBACK, BadToken
from web.bodies import whole
from web.context import bearer, context_of, person_of
from web.pages import query_of, render

PROBE = PATH + "{nonce}"
IDLE = 10.0  # seconds without a byte of a callback's body
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
OTHER_SETTINGS = warn(
    "restart",
    "The settings that `docledger doctor` reads are not those that the service was started with.",
    "Restart the service, or run this where the service gets its settings from.",
)


async def page(request: Request) -> Response:
    """What the last examination has found; looking is for whoever presses the button."""
    person, report = _admin(request), context_of(request).doctor.last
    values = {
        "person": person,
        "site": context_of(request).site,
        "report": report,
        "summary": summary(report.checks) if report else "",
        "checks": [{**row, "title": row["name"].replace("_", " ")} for row in _rows(report)],
    }
    return render(request, "doctor.html", values)


async def run_again(request: Request) -> Response:
    _admin(request)
    await context_of(request).doctor.examine()
    return RedirectResponse(f"/doctor{query_of(request)}", 303)


async def last(request: Request) -> Response:
    _admin(request)
    report = context_of(request).doctor.last
    if report is None:
        raise NotFound("Nothing has been examined since the start: POST does.")
    return JSONResponse(plain(report.checks))


async def examined(request: Request) -> Response:
    """For admins, and for `docledger doctor`, which signs its request with our own secret."""
    doctor = context_of(request).doctor
    if not _operator(request):
        _admin(request)
    report = await doctor.examine()
    asked_with = request.query_params.get("settings", doctor.settings)
    extra = [] if asked_with == doctor.settings else [OTHER_SETTINGS]
    return JSONResponse(plain([*extra, *report.checks]))


async def landed(request: Request) -> Response:
    return await land(request, context_of(request).doctor.landing)


async def land(request: Request, landing: Landing) -> Response:
    """A GET for the probe, a POST for a callback about it; both are for whoever was told the address."""
    nonce, authorization = request.path_params["nonce"], request.headers.get("authorization")
    if request.method == "POST":
        body = await whole(request, LONGEST_CALLBACK, IDLE)
        if await landing.called(nonce, body, authorization):
            return JSONResponse({"error": 0})
    else:
        peer = request.client.host if request.client else ""
        forwarded = "x-forwarded-for" in request.headers
        if document := await landing.visited(nonce, peer, authorization, forwarded=forwarded):
            return Response(document, media_type=DOCX, headers={"Cache-Control": "no-store"})
    return JSONResponse({"message": "Nobody waits for this.", "code": "not_found"}, 404)


def _admin(request: Request) -> Person:
    """Raises Forbidden."""
    person = person_of(request)
    if not person.operates:
        raise Forbidden("Only an admin may examine the service.")
    return person


def _operator(request: Request) -> bool:
    try:
        context_of(request).tokens.read_operator_token(bearer(request.headers) or "")
    except BadToken:
        return False
    return True


def _rows(report: Report | None) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = plain(_worst_first(report))["checks"] if report else []
    return rows


def _worst_first(report: Report) -> list[Check]:
    order = ("fail", "warn", "ok")
    return sorted(report.checks, key=lambda check: order.index(check.verdict))
