"""A part of the log as a page shows it: each entry with its sign and its links, the filters, the pager."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import trio
from starlette.requests import Request

from application.audit import TYPES, Entry, Page, View
from application.journal import FileRow, Query, Recorded
from application.people import Person
from domain import events
from domain.words import Access, Mode, Next
from web.asked import Place
from web.context import context_of
from web.pages import played, query_of
from web.picture.drawing import NARROW, WIDE, Picture, draw
from web.picture.life import DRAWN, saved_shape, trouble_shape

PICTURED = 1000  # facts in a picture, the latest
GROUPS = {
    "Saves": ("Forcesaved", "Saved", "Thinned", "VersionAdded"),
    "People": ("Admitted", "Joined", "Left", "SentOut"),
    "Troubles": ("Errored", "Resumed"),
    "Sessions": ("Closed", "Opened", "Reloaded", "Reopened"),
    "The file itself": ("Added", "Reinstated", "Removed", "Renamed", "Shared"),
    "Talk with the Document Server": ("Replied", "SaveOffered"),
    "Readings and redactions": ("Consulted", "Redacted"),
}
KINDS = {"Added": "file", "Renamed": "file", "Shared": "file", "Removed": "file", "Reinstated": "file"} | {
    "Opened": "opened",
    "Reopened": "opened",
    "Closed": "closed",
    "Joined": "joined",
    "Left": "left",
    "SentOut": "left",
    "SaveOffered": "offered",
    "Reloaded": "reloaded",
    "Thinned": "thinned",
    "Redacted": "redacted",
    "Consulted": "viewing",
}


@dataclass(frozen=True, slots=True)
class Line:
    entry: Entry
    shape: str
    tone: str  # good, bad, wary, plain, quiet
    hollow: bool
    then: Entry | None  # what became of it
    access: Access  # to the version that it speaks of

    @property
    def number(self) -> int:
        return self.entry.recorded.number

    @property
    def in_session(self) -> bool:
        return self.entry.recorded.stream.startswith("document/")


def lines_of(entries: Sequence[Entry], person: Person) -> list[Line]:
    """In the order of the entries, which may be either."""
    outcomes = _outcomes(entries)
    return [_line(entry, outcomes.get(entry.recorded.position), person) for entry in entries]


def _line(entry: Entry, then: Entry | None, person: Person) -> Line:
    fact = entry.recorded.event
    shape, tone = _sign(fact)
    return Line(
        entry=entry,
        shape=shape,
        tone=tone,
        hollow=not getattr(fact, "head", True),
        then=then,
        access=access_to(entry.file, person) if entry.version else Access.NONE,
    )


def _sign(fact: events.Event) -> tuple[str, str]:
    match fact:
        case events.Forcesaved() | events.Saved() | events.VersionAdded():
            return saved_shape(fact), "good"
        case events.Errored(next=Next.RETRY | Next.GO_ON):
            return trouble_shape(fact), "wary"
        case events.Errored():
            return trouble_shape(fact), "bad"
        case events.Resumed():
            return trouble_shape(fact), "good"
        case events.Admitted(mode=mode):
            return ("viewing" if mode is Mode.VIEW else "admitted"), "plain"
        case events.SentOut():
            return KINDS["SentOut"], "wary"
        case events.Replied(http=http, error=error):
            return "replied", ("wary" if http != 200 or error else "quiet")
        case events.SaveOffered() | events.Consulted():
            return KINDS[type(fact).__name__], "quiet"
    return KINDS[type(fact).__name__], "plain"


def _outcomes(entries: Sequence[Entry]) -> Mapping[int, Entry]:
    """What became of each failed save, as far as these entries say: by the failure's position."""
    settled: dict[tuple[str, str], Entry] = {}
    outcomes = {}
    for entry in sorted(entries, key=lambda entry: -entry.recorded.position):
        match entry.recorded.event:
            case events.Errored(offer=str(offer)) as fact:
                if then := settled.get((entry.recorded.stream, offer)):
                    outcomes[entry.recorded.position] = then
                if fact.next is not Next.RETRY:
                    settled[entry.recorded.stream, offer] = entry
            case events.Forcesaved(offer=offer) | events.Saved(offer=offer):
                settled[entry.recorded.stream, offer] = entry
            case events.Errored() if then := settled.get((entry.recorded.stream, "")):
                outcomes[entry.recorded.position] = then
            case events.Resumed():
                settled[entry.recorded.stream, ""] = entry
    return outcomes


def access_to(row: FileRow | None, person: Person) -> Access:
    """To a file's bytes; reading of it is another matter."""
    return row.file.access(person.id) if row and not row.file.removed else Access.NONE


async def pictures_of(request: Request, view: View, cursor: datetime | None = None) -> dict[str, Any]:
    """The latest of what can be drawn, once for a wide page and once for a narrow one."""
    page = await context_of(request).audit.page(view, Query(types=DRAWN), limit=PICTURED, beside=True)
    facts = [entry.recorded for entry in reversed(page.entries)]
    names = {user: name for entry in page.entries for user, name in entry.users.items() if name}
    pictures = await trio.to_thread.run_sync(_draw, facts, names, cursor)
    return {"pictures": pictures, "drawn": page.entries, "cut": page.next is not None}


def _draw(facts: Sequence[Recorded], names: Mapping[str, str], cursor: datetime | None) -> list[Picture]:
    """In a thread of its own: a long life takes a while."""
    pictures = [draw(facts, names, datetime.now(UTC), format_, cursor) for format_ in (WIDE, NARROW)]
    return [picture for picture in pictures if picture]


def filters_of(request: Request, query: Query) -> dict[str, Any]:
    """The form, as it was filled in."""
    chosen = ",".join(sorted(query.types))
    groups = {name: ",".join(types) for name, types in GROUPS.items()}
    given = request.query_params
    return {
        "groups": groups,
        "types": sorted(TYPES),
        "chosen": chosen,
        "other": chosen if chosen and chosen not in {*groups.values(), *TYPES} else None,
        "user": given.get("user", ""),
        "since": _local(query.since),
        "until": _local(query.until),
        "any": any(given.get(name) for name in ("user", "type", "from", "to")),
        "hidden": {"as": played(request)} if played(request) else {},
        "reset": request.url.path + query_of(request),
    }


def _local(moment: datetime | None) -> str:
    """As an input of a form takes it."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") if moment else ""


def exports(request: Request, events: str) -> Mapping[str, str]:
    """Links that take away what is filtered, all of it: `events` is the endpoint's path."""
    kept = [
        (name, value)
        for name, value in request.query_params.multi_items()
        if value and name in {"as", "user", "type", "from", "to"}
    ]
    return {
        name: f"{events}/export?{urlencode([*kept, ('format', form)])}"
        for name, form in {"JSON Lines": "jsonl", "CSV": "csv"}.items()
    }


def live(request: Request, position: int, **of: str) -> str:
    """The query for news that are not on a page made at that position."""
    return query_of(request, **of, after=str(position))


def pager(request: Request, page: Page, wanted: Place) -> dict[str, str | None]:
    """Links to what is older and newer than a page; the newest first."""
    positions = [entry.recorded.position for entry in page.entries]
    more = page.next is not None
    older, newer = (more, wanted.before is not None) if wanted.after is None else (True, more)
    return {
        "older": with_query(request, before=min(positions)) if older and positions else None,
        "newer": with_query(request, after=max(positions)) if newer and positions else None,
        "newest": with_query(request) if wanted != Place(limit=wanted.limit) else None,
    }


def with_query(request: Request, **places: int) -> str:
    """This page, elsewhere in the log."""
    kept = [
        (name, value)
        for name, value in request.query_params.multi_items()
        if value and name not in {"before", "after", "start", "restore"}
    ]
    given = urlencode([*kept, *places.items()])
    return f"{request.url.path}?{given}#timeline" if given else f"{request.url.path}#timeline"
