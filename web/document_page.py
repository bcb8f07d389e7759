"""A session's page: what happened in it, and what was true after any of its events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import trio
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from application.audit import Page, View
from application.files import NotFound
from application.journal import Query, Recorded
from application.people import Person
from application.replaying import Moment, NoSuchMoment, until
from application.telling import CLOSED, OFFERED, SOMEBODY
from domain import document as documents
from web.asked import PLACES, filters, place
from web.audit import reader_of
from web.bodies import form_of
from web.context import Context, context_of, person_of
from web.errors import BadRequest
from web.pages import query_of, render
from web.timeline import exports, filters_of, lines_of, live, pictures_of, with_query

LINES = 100  # of the list, on a page
STANDINGS = {
    "live": "live: whoever opens the file joins it",
    "spent": "spent: its changes are stored, and nobody else is let into it",
    "detached": "detached: a newer session is open; its saves are kept beside",
}


async def shown(request: Request) -> Response:
    """`after` is the number of the event to look behind; the last one without it."""
    context, person = context_of(request), person_of(request)
    view = await context.audit.document(request.path_params["key"], reader_of(request))
    assert view.file is not None
    assert view.key is not None
    position = await context.journal.position()
    facts = await context.journal.document_history(view.key)
    number = place(request.query_params).after
    past = _past(facts, len(facts) if number is None else number)
    start = min(_start(request, len(past)), len(facts))
    query = await filters(request.query_params, view, context.audit, PLACES | {"start"})
    page = await _page(request, view, query, facts[start - 1].position if start else 0)
    told = await _told(request, view, past)
    values = {
        "person": person,
        "site": context.site,
        "file": view.file,
        "key": view.key,
        "lines": lines_of(page.entries, person),
        "filters": filters_of(request, query),
        "exports": exports(request, f"/api/documents/{view.key}/events"),
        "live": live(request, position, key=view.key),
        "number": len(past),
        "last": len(facts),
        "at": past[-1].event.at if past else None,
        "told": told,
        "there": await _there(context, view, person),
        "state": await trio.to_thread.run_sync(_state, past),  # a long past takes a while
        "pager": _pager(request, page, start),
        **await pictures_of(request, view, past[-1].event.at if past else None),
    }
    return render(request, "document.html", values)


async def sent_out(request: Request) -> Response:
    """For the button beside whoever is there."""
    context, key = context_of(request), request.path_params["key"]
    await context.usher.send_out(key, [(await form_of(request)).get("user", "")], person_of(request))
    return RedirectResponse(f"/documents/{quote(key)}{query_of(request)}#there", 303)


async def _there(context: Context, view: View, person: Person) -> Mapping[str, str]:
    """Who edits now, for whoever may send them out."""
    assert view.file is not None
    assert view.key is not None
    if view.file.file.owner != person.id and not person.operates:
        return {}
    row = await context.journal.document(view.key)
    return row.users if row and not row.closed_at else {}


def _past(facts: Sequence[Recorded], number: int) -> Sequence[Recorded]:
    try:
        return until(facts, Moment(after=number))
    except NoSuchMoment as missing:
        raise NotFound(str(missing)) from missing


def _start(request: Request, number: int) -> int:
    """Behind which event the list begins: so that it has the one that is looked at."""
    text = request.query_params.get("start", "")
    if not text:
        return max(number - 1, 0) // LINES * LINES
    if not text.isdecimal() or len(text) > 9:
        raise BadRequest("start is the number of an event.")
    return int(text)


async def _page(request: Request, view: View, query: Query, after: int) -> Page:
    return await context_of(request).audit.page(view, query, after=after, limit=LINES)


async def _told(request: Request, view: View, past: Sequence[Recorded]) -> str | None:
    """The last of these, in words."""
    if not past:
        return None
    audit, position = context_of(request).audit, past[-1].position
    page = await audit.page(view, Query(), after=position - 1, limit=1, beside=True)
    return page.entries[0].text


def _pager(request: Request, page: Page, start: int) -> Mapping[str, str | None]:
    """The oldest first; a filtered list only goes on."""
    narrowed = any(request.query_params.get(name) for name in ("user", "type", "from", "to"))
    earlier = 0 if narrowed else max(start - LINES, 0)
    later = page.entries[-1].recorded.number if page.next else 0
    return {
        "earlier": with_query(request, start=earlier) if start else None,
        "later": with_query(request, start=later) if later else None,
    }


def _state(past: Sequence[Recorded]) -> Mapping[str, Any] | None:
    """What was true then, in words."""
    document = documents.replay(recorded.event for recorded in past)  # type: ignore[misc]  # its own stream
    if document is None:
        return None
    return {
        "state": document.state,
        "there": [document.names.get(user) or SOMEBODY for user in sorted(document.users)],
        "ended": CLOSED[document.closed.reason] if document.closed else None,
        "base": document.base,
        "head": document.head,
        "waiting": [OFFERED[offer.fact.trigger] for offer in document.offers.values()],
        "saved": sorted(set(document.versions.values())),
        "refused": sum(settled.version is None for settled in document.settled.values()),
        "standing": STANDINGS[document.standing],
        "kept_there": document.kept_there,
        "trouble": document.trouble,
    }
