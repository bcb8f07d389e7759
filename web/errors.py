"""One table: which exception is answered how, as `{"message", "code"}` or as a page."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Match

from application.copies import CannotConvert, NotDelivered
from application.desk import Unavailable
from application.files import Changed, Forbidden, NotFound, WrongType
from application.journal import Damaged, JournalFailed, StaleWrite
from application.names import BadName
from application.opening import SavingInProgress, Shut
from application.ports import ServerUnreachable, StorageFailed, TooLarge
from application.renaming import InUse
from application.tokens import BadToken, NoSecret
from web.context import Unauthenticated
from web.pages import render
from web.streams import Crowded, TooManyStreams

logger = logging.getLogger(__name__)


class BadRequest(Exception):
    """The request cannot be understood; the text says what to send instead."""


class Misconfigured(Exception):
    """No document can be opened until an operator has mended the settings."""


BUSY = "Docledger cannot reach its storage right now. Try again in a moment."

TABLE: Mapping[type[Exception], tuple[int, str]] = {
    BadRequest: (400, "bad_request"),
    BadName: (400, "bad_name"),
    WrongType: (400, "wrong_type"),
    Unauthenticated: (401, "unauthenticated"),
    BadToken: (403, "bad_token"),
    Forbidden: (403, "forbidden"),
    NotFound: (404, "not_found"),
    InUse: (409, "in_use"),
    Changed: (412, "changed"),
    TooLarge: (413, "too_large"),
    CannotConvert: (422, "cannot_convert"),
    NoSecret: (424, "not_configured"),
    Misconfigured: (424, "not_configured"),
    TooManyStreams: (429, "too_many_streams"),
    Damaged: (500, "damaged"),
    ServerUnreachable: (502, "server_unreachable"),
    NotDelivered: (502, "not_delivered"),
    Crowded: (503, "crowded"),
    SavingInProgress: (503, "saving_in_progress"),
    Shut: (503, "in_maintenance"),
    Unavailable: (503, "unavailable"),
    JournalFailed: (503, "unavailable"),
    StaleWrite: (503, "unavailable"),
    StorageFailed: (503, "unavailable"),
}
SAID = {
    "unavailable": BUSY,
    "saving_in_progress": "The last changes are still being saved. Try again in a moment.",
    "in_maintenance": "Docledger is about to be restarted. Everything is saved; try again in a moment.",
    "damaged": "The log is damaged here, so that this cannot be told. `docledger verify` says where.",
    "server_unreachable": "The Document Server does not answer. Try again in a moment.",
    "bad_token": "The link is not valid, or it has expired.",
}
WAITING = frozenset({"saving_in_progress", "in_maintenance"})  # their pages try again by themselves
RETRY_AFTER = {  # seconds
    "saving_in_progress": "2",
    "unavailable": "5",
    "in_maintenance": "15",
    "too_many_streams": "30",
    "crowded": "60",
}


def wants_html(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


async def answer(request: Request, error: Exception) -> Response:
    kind = next(kind for kind in type(error).__mro__ if kind in TABLE)
    status, code = TABLE[kind]
    if status >= 500:
        logger.warning("%s %s: %s", request.method, request.url.path, error)
    if status == 401 and wants_html(request):
        return RedirectResponse("/sign-in", 303)
    message = SAID.get(code, str(error))
    headers = {"Retry-After": RETRY_AFTER[code]} if code in RETRY_AFTER else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return problem(request, status, code, message, headers)


async def answer_http(request: Request, error: Exception) -> Response:
    """Starlette's own: no such route, method not allowed."""
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
    return problem(request, error.status_code, code, error.detail, headers)


def _methods(request: Request) -> set[str]:
    """Of all routes with this path; Starlette tells those of the first."""
    routes = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
    return {method for route in routes for method in getattr(route, "methods", None) or ()}


async def answer_unexpected(request: Request, error: Exception) -> Response:
    """A bug of ours: logged with its trace by the server, told without it."""
    id_ = getattr(request.state, "request_id", None)
    where = f", under {id_}" if id_ else ""
    return problem(
        request, 500, "internal", f"Something went wrong in Docledger; its log says what{where}.", {}
    )


def problem(request: Request, status: int, code: str, message: str, headers: Mapping[str, str]) -> Response:
    if wants_html(request):
        retry = headers.get("Retry-After") if code in WAITING else None
        page = {"status": status, "message": message, "retry": retry}
        return render(request, "problem.html", page, status=status, headers=headers)
    return JSONResponse({"message": message, "code": code}, status, headers=dict(headers))


HANDLERS = {**dict.fromkeys(TABLE, answer), HTTPException: answer_http, Exception: answer_unexpected}
