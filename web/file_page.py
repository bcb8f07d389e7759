"""A file's page: its life as a picture, its versions, its sessions, and everything that happened to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from application.audit import Entry, View
from application.journal import DocumentRow, FileRow, VersionRow
from application.people import Person
from application.telling import CAUSES
from domain import events
from domain.formats import format_of
from domain.words import Access
from web.asked import PLACES, Place, filters, place
from web.audit import reader_of
from web.context import Context, context_of, person_of
from web.files import version_number
from web.kinds import convertible
from web.pages import query_of, render
from web.sharing import LEVELS
from web.submissions import submissions
from web.timeline import access_to, exports, filters_of, lines_of, live, pager, pictures_of

LATEST = 12  # versions, unless all are asked for
SESSIONS = 12
SHOWN = PLACES | {"versions", "restore"}
STATES = {"open": "open", "editing": "being edited", "saving": "saving", "closed": "closed"}


@dataclass(slots=True)
class Session:
    key: str
    began: datetime
    row: DocumentRow | None = None
    people: list[str] = field(default_factory=list)
    saves: int = 0
    troubles: int = 0


async def shown(request: Request) -> Response:
    context, person = context_of(request), person_of(request)
    view = await context.audit.file(request.path_params["id"], reader_of(request))
    assert view.file is not None
    position = await context.journal.position()
    wanted = place(request.query_params)
    query = await filters(request.query_params, view, context.audit, SHOWN)
    page = await context.audit.page(view, query, before=wanted.before, after=wanted.after, limit=wanted.limit)
    lines = lines_of(page.entries if query.types else [*filter(_told_once, page.entries)], person)
    pictured = await pictures_of(request, view)
    values = {
        "person": person,
        "site": context.site,
        "file": view.file,
        "access": access_to(view.file, person),
        "convertible": convertible(view.file, person),
        "opens": format_of(view.file.file.name) is not None,
        "document": await _live(context, view.file),
        "states": STATES,
        "levels": LEVELS,
        "lines": lines if wanted.after is None else lines[::-1],
        "filters": filters_of(request, query),
        "exports": exports(request, f"/api/files/{view.file.id}/events"),
        "pager": pager(request, page, wanted),
        "live": live(request, position, file=view.file.id) if wanted == Place(limit=wanted.limit) else None,
        "sessions": await _sessions(context, pictured["drawn"]),
        **await _versions(request, view, person),
        **pictured,
    }
    return render(request, "file.html", values)


def _told_once(entry: Entry) -> bool:
    """A session's save is a fact of the session and one of the file; the session says more."""
    fact = entry.recorded.event
    return not (isinstance(fact, events.VersionAdded) and fact.offer)


async def restored(request: Request) -> Response:
    """For the form that asks whether one is sure."""
    context, file_id = context_of(request), request.path_params["id"]
    await context.replacing.restore(file_id, version_number(request), person_of(request))
    return RedirectResponse(f"/files/{file_id}{query_of(request)}#versions", 303)


async def _live(context: Context, row: FileRow) -> DocumentRow | None:
    return await context.journal.document(row.live) if row.live else None


async def _versions(request: Request, view: View, person: Person) -> Mapping[str, object]:
    assert view.file is not None
    journal = context_of(request).journal
    every = sorted(await journal.versions(view.file.id), key=lambda version: -version.number)
    asked = request.query_params.get("restore", "")
    sure = [version for version in every if str(version.number) == asked]
    some = every if request.query_params.get("versions") == "all" else _latest(every, view.file.file.head)
    sent = submissions(every) if access_to(view.file, person) is Access.EDIT else ()
    users = {user for version in (*some, *sent) for user in version.users}
    return {
        "versions": some,
        "filetype": view.file.file.name.rpartition(".")[2].lower(),
        "submissions": sent,
        "version_count": len(every),
        "names": {**await journal.names(users), person.id: person.name},
        "causes": CAUSES,
        "sure": sure[0] if sure and access_to(view.file, person) is Access.EDIT else None,
    }


def _latest(versions: Sequence[VersionRow], head: int) -> Sequence[VersionRow]:
    """And the head, wherever it is."""
    return [*versions[:LATEST], *(version for version in versions[LATEST:] if version.number == head)]


async def _sessions(context: Context, entries: Sequence[Entry]) -> Sequence[Session]:
    """Out of what was drawn, which has the newest first."""
    found: dict[str, Session] = {}
    for entry in reversed(entries):
        stream, fact = entry.recorded.stream, entry.recorded.event
        if not stream.startswith("document/"):
            continue
        session = found.setdefault(stream, Session(stream.partition("/")[2], fact.at))
        match fact:
            case events.Joined(user=user) if user not in session.people:
                session.people.append(user)
            case events.Forcesaved() | events.Saved():
                session.saves += 1
            case events.Errored():
                session.troubles += 1
    latest = list(found.values())[: -SESSIONS - 1 : -1]
    rows = {row.key: row for row in await context.journal.documents([session.key for session in latest])}
    names = {user: name for entry in entries for user, name in entry.users.items() if name}
    for session in latest:
        session.row = rows.get(session.key)
        session.people = [names.get(user, "somebody") for user in session.people]
    return latest
