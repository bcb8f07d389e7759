"""The log as JSON: what happened, in order, in plain words, page by page."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from application.audit import Entry, Page, Reader, View
from application.people import Person
from application.plain import to_plain
from domain.events import Event
from domain.words import Access
from web.asked import MOST, Place, filters, place
from web.context import context_of, person_of

FRESH = {"Cache-Control": "no-store"}  # each reading is to be asked for


async def document_events(request: Request) -> Response:
    """A session's, from its beginning unless asked otherwise."""
    view = await context_of(request).audit.document(request.path_params["key"], reader_of(request))
    return await _answer(request, view, place(request.query_params, Place(after=0, limit=MOST)))


async def file_events(request: Request) -> Response:
    """A file's and its sessions', the newest first."""
    view = await context_of(request).audit.file(request.path_params["id"], reader_of(request))
    return await _answer(request, view, place(request.query_params))


async def all_events(request: Request) -> Response:
    view = await context_of(request).audit.everything(reader_of(request))
    return await _answer(request, view, place(request.query_params))


def reader_of(request: Request) -> Reader:
    return Reader(person_of(request), context_of(request).address_of(request.scope))


async def _answer(request: Request, view: View, wanted: Place) -> Response:
    audit = context_of(request).audit
    query = await filters(request.query_params, view, audit)
    page = await audit.page(view, query, before=wanted.before, after=wanted.after, limit=wanted.limit)
    listed = [described(entry) | _links(entry, view.reader.person) for entry in page.entries]
    return JSONResponse({"events": listed, "next": _next(request, wanted, page)}, headers=FRESH)


def _next(request: Request, wanted: Place, page: Page) -> str | None:
    if page.next is None:
        return None
    cursor = "before" if wanted.after is None else "after"
    given = [(name, value) for name, value in request.query_params.multi_items() if name != cursor]
    return f"{request.url.path}?{urlencode([*given, (cursor, page.next)])}"


def described(entry: Entry) -> dict[str, Any]:
    recorded = entry.recorded
    return {
        "position": recorded.position,
        "number": recorded.number,
        "type": type(recorded.event).__name__,
        "at": recorded.event.at.isoformat(),
        "text": entry.text,
        "stream": recorded.stream,
        "file": recorded.file,
        "file_name": entry.file.file.name if entry.file else None,
        "key": entry.key,
        "users": [{"id": id_, "name": name} for id_, name in entry.users.items()],
        "data": data_of(recorded.event),
    }


def data_of(fact: Event) -> dict[str, Any]:
    """What is recorded, in the log's own words; the time stands beside it."""
    data: dict[str, Any] = to_plain(fact)
    del data["at"]
    return data


def _links(entry: Entry, person: Person) -> dict[str, str]:
    """To the version that the fact speaks of, for whoever may have it."""
    row = entry.file
    access = row.file.access(person.id) if row and not row.file.removed else Access.NONE
    if row is None or entry.version is None or access is Access.NONE:
        return {}
    path = f"/api/files/{row.id}/versions/{entry.version}"
    links = {"content": f"{path}/content"}
    return links | {"restore": f"{path}/restore"} if access is Access.EDIT else links
