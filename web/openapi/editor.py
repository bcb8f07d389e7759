"""What the editor and the Document Server ask for."""

from __future__ import annotations

from collections.abc import Sequence

from domain.words import Mode
from web.editor_config import LANGUAGE, THEME, TYPES
from web.openapi.files import BYTES_ANSWERS, HIDDEN, NAMED, NUMBERED, PARTIAL
from web.openapi.parts import (
    BYTES,
    HTML,
    TEXT,
    Plain,
    answer,
    body,
    given,
    header,
    links,
    many,
    one_of,
    operation,
    record,
    ref,
    text,
    whole,
)

OPENING = [
    NAMED,
    given("mode", "query", one_of(Mode) | {"default": Mode.EDIT}),
    given("type", "query", one_of(sorted(TYPES)), "By the browser’s name, when it is left out"),
    given("lang", "query", text(LANGUAGE.pattern)),
    given("region", "query", text(LANGUAGE.pattern)),
    given("theme", "query", text(THEME.pattern)),
]
CANNOT_OPEN = ("bad_request", "wrong_type", "not_configured", "saving_in_progress", "in_maintenance", *HIDDEN)

LATER = {"Retry-After": header(whole(), "Seconds")}
OPENED = links(
    {"key": "$response.body#/config/document/key"},
    *("showSession", "listSessionEvents", "exportSessionEvents", "showState"),
)

FILE_LINK: Sequence[Plain] = ({"fileLink": []},)
AS_ISSUED = [given("id", "path", TEXT), given("Authorization", "header", TEXT, "The Document Server’s own")]

CALLBACK = record(
    {},
    {
        "key": text(description="The session’s"),
        "status": whole(0, 7),
        "url": text(description="Of the saved file; only its path and query count"),
        "changesurl": TEXT,
        "history": {},
        "users": many(TEXT),
        "actions": {},
        "filetype": TEXT,
        "forcesavetype": whole(0, 3),
        "lastsave": TEXT,
        "notmodified": {"type": "boolean"},
        "userdata": TEXT,
        "token": text(description="The same, signed; nothing beside it is believed"),
    },
)
PANEL = record({"currentVersion": whole(1), "history": many(ref("PastVersion"))})

PATHS: dict[str, Plain] = {
    "/api/onlyoffice/config/{id}": {
        "get": operation(
            "getConfiguration",
            "Open a file: the signed configuration of its editor",
            {200: answer("For everybody who has it open, with the same key", ref("Configuration")) | OPENED},
            *CANNOT_OPEN,
            asks=OPENING,
        ),
    },
    "/api/onlyoffice/viewer/{id}": {
        "get": operation(
            "getViewer",
            "Open a file: a page with its editor",
            {200: answer("The page", TEXT, HTML)},
            *CANNOT_OPEN,
            asks=OPENING,
        ),
    },
    "/api/onlyoffice/file/{id}": {
        "get": operation(
            "getLinkedFile",
            "The bytes behind a signed link, for the Document Server",
            BYTES_ANSWERS,
            "bad_token",
            asks=[*AS_ISSUED, *PARTIAL],
            security=FILE_LINK,
        ),
    },
    "/api/onlyoffice/file/{id}/changes": {
        "get": operation(
            "getLinkedChanges",
            "What was changed in a version, for the editor’s history panel",
            {200: answer("The Document Server’s own archive", text(), BYTES)},
            "bad_token",
            asks=AS_ISSUED,
            security=FILE_LINK,
        ),
    },
    "/api/onlyoffice/callback": {
        "post": operation(
            "takeCallback",
            "The Document Server says what became of a session",
            {
                200: answer("With CALLBACK_REPLY=always, whatever comes", ref("Replied")),
                403: answer("Not signed by the Document Server, or an unknown key", ref("Replied")),
                429: answer("Too many for this document or from this address", ref("Replied"), headers=LATER),
                503: answer(
                    "The bytes are not safe yet",
                    ref("Replied"),
                    headers=LATER,
                ),
            },
            sends=body(CALLBACK),
            security=({"documentServer": []},),
        ),
    },
    "/api/files/{id}/history": {
        "get": operation(
            "listHistory",
            "For the editor’s refreshHistory; the head stands last",
            {200: answer("What it takes", PANEL)},
            *HIDDEN,
            asks=[NAMED],
        ),
    },
    "/api/files/{id}/history/{number}": {
        "get": operation(
            "showHistory",
            "For the editor’s setHistoryData",
            {200: answer("What it takes", ref("ShownVersion"))},
            *("not_configured", *HIDDEN),
            asks=[NAMED, NUMBERED],
        ),
    },
}
