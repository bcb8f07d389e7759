"""What was true of a document after any of its events."""

from __future__ import annotations

from functools import partial

import trio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from application.files import NotFound
from application.journal import Query
from application.replaying import Moment, NoSuchMoment, document_state, time_of, until
from web.audit import reader_of
from web.context import context_of
from web.errors import BadRequest

ASKED_BY = ("after", "at", "version")


async def state(request: Request) -> Response:
    """`after=N`, `at=TIME` or `version=N`; now, without any."""
    context, moment, key = context_of(request), _moment(request), request.path_params["key"]
    view = await context.audit.document(key, reader_of(request))
    await context.audit.consult(view, Query())
    facts = await context.journal.document_history(key)
    try:
        shown = until(facts, moment)
    except NoSuchMoment as missing:
        raise NotFound(str(missing)) from missing
    tell = partial(document_state, key, shown, addresses=view.frank)
    told = await trio.to_thread.run_sync(tell)  # a long past takes a while
    return JSONResponse({**told, "last": len(facts)})


def _moment(request: Request) -> Moment:
    given = {name: request.query_params[name] for name in ASKED_BY if name in request.query_params}
    if len(given) > 1:
        raise BadRequest("Ask for one moment: after, at or version.")
    try:
        at = time_of(given["at"]) if "at" in given else None
    except ValueError as bad:
        raise BadRequest(f"at is {bad}") from bad
    return Moment(_number("after", given.get("after")), at, _number("version", given.get("version")))


def _number(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise BadRequest(f"{name} is a whole number.")
    return int(text)
