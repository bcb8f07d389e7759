"""The log: pages of it, all of it to take away, as it grows, and what was true once."""

from __future__ import annotations

from application.audit import TYPES
from web.asked import LEAST, MOST, USUAL
from web.exporting import FORMS
from web.openapi.files import HIDDEN, NAMED
from web.openapi.parts import (
    TEXT,
    Plain,
    answer,
    given,
    header,
    many,
    one_of,
    operation,
    record,
    ref,
    text,
    whole,
)
from web.openapi.schemas import FILE_KEY


def unless_empty(schema: Plain) -> Plain:
    """What a form leaves empty is not given."""
    return {"anyOf": [schema, {"const": ""}]}


KEYED = given("key", "path", FILE_KEY, "The session’s key")
POSITION = whole(0, 10**18 - 1)
TIME = {"anyOf": [text(format="date-time"), text(format="date")]}


FILTERS = [
    given("user", "query", TEXT, "An id, a `sub`, or a name: everybody of that name"),
    given("type", "query", many(one_of(sorted(TYPES))), "Repeated, or separated by commas"),
    given("from", "query", unless_empty(TIME), "A date is midnight UTC"),
    given("to", "query", unless_empty(TIME), "Not included"),
]
OF_KEY = [given("key", "query", TEXT, "Of one session")]
OF_ANY = [given("file", "query", TEXT, "Of one file and its sessions"), *OF_KEY]
BEFORE = given("before", "query", unless_empty(POSITION), "What precedes this position, the newest first")
AFTER = given("after", "query", unless_empty(POSITION), "What follows this position, the oldest first")
PLACE = [
    BEFORE,
    AFTER,
    given("limit", "query", unless_empty(whole(LEAST, MOST)), f"{USUAL} when it is left out"),
]
MOMENT = [
    given("after", "query", POSITION, "The number of an event in this session"),
    given("at", "query", TIME),
    given("version", "query", POSITION, "When this version was stored"),
]
NOT_KEPT = {"Cache-Control": header({"const": "no-store"})}
PAGE = {200: answer("Follow `next` until it is null", ref("Events"), headers=NOT_KEPT)}
FORMAT = given("format", "query", one_of(FORMS) | {"default": "jsonl"})
EXPORT = answer(
    "One `Event` a line, or a row; it was cut off unless it ends as HTTP has it", headers=NOT_KEPT
) | {"content": {kind.partition(";")[0]: {"schema": TEXT} for kind, _, _ in FORMS.values()}}


def reading(name: str, what: str, *asks: Plain, hidden: tuple[str, ...] = HIDDEN) -> Plain:
    asked = [*asks, *FILTERS, *PLACE]
    return {"get": operation(name, f"What happened {what}", PAGE, "bad_request", *hidden, asks=asked)}


def export(name: str, what: str, *asks: Plain, hidden: tuple[str, ...] = HIDDEN) -> Plain:
    asked = [*asks, *FILTERS, FORMAT]
    summary = f"All that happened {what}, to take away"
    return {"get": operation(name, summary, {200: EXPORT}, "bad_request", *hidden, asks=asked)}


SENT = record(
    {
        "id": text("[0-9]+", description="The position in the log"),
        "event": text(description="The event’s type, or `position`: how far the log has come"),
        "data": text(description="An event as JSON", contentMediaType="application/json"),
    },
    {"retry": whole()},
)

ANYWHERE = "anywhere, for auditors"
TO_A_FILE = "to a file and in its sessions"
IN_A_SESSION = "in a session, from its beginning"

PATHS: dict[str, Plain] = {
    "/api/audit": reading("listEvents", ANYWHERE, *OF_ANY, hidden=("forbidden",)),
    "/api/audit/export": export("exportEvents", ANYWHERE, *OF_ANY, hidden=("forbidden",)),
    "/api/files/{id}/events": reading("listFileEvents", TO_A_FILE, NAMED, *OF_KEY),
    "/api/files/{id}/events/export": export("exportFileEvents", TO_A_FILE, NAMED, *OF_KEY),
    "/api/documents/{key}/events": reading("listSessionEvents", IN_A_SESSION, KEYED),
    "/api/documents/{key}/events/export": export("exportSessionEvents", IN_A_SESSION, KEYED),
    "/api/documents/{key}/state": {
        "get": operation(
            "showState",
            "What was true of a session after one of its events, or now",
            {200: answer("What was true", ref("Moment"))},
            *("bad_request", *HIDDEN),
            asks=[KEYED, *MOMENT],
        ),
    },
    "/api/events": {
        "get": operation(
            "followEvents",
            "Events as they are recorded, for as long as you listen",
            {200: answer("Server-Sent Events", SENT, "text/event-stream", NOT_KEPT)},
            *("bad_request", "too_many_streams", "crowded", *HIDDEN),
            asks=[
                *OF_ANY,
                given("after", "query", POSITION, "Go on from this position"),
                given("Last-Event-ID", "header", POSITION, "The same, as browsers say it"),
            ],
        ),
    },
}
