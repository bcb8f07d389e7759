"""New files that are no uploads: converted, copied out of an editor; and what forms brought in."""

from __future__ import annotations

from web.openapi.files import BYTES_ANSWERS, CREATED, HIDDEN, LINKS, NAMED, NUMBERED, PARTIAL
from web.openapi.parts import (
    LINK,
    TEXT,
    TIME,
    TRUTH,
    Plain,
    answer,
    body,
    many,
    operation,
    record,
    ref,
    text,
    whole,
)
from web.openapi.schemas import FILE_ID

NEW = {201: CREATED | LINKS}
FAILS = ("wrong_type", "cannot_convert", "not_delivered", "too_large")

COPY = record(
    {
        "file": FILE_ID | {"description": "That the editor shows"},
        "url": LINK | {"description": "As onRequestSaveAs brings it; only its path and query count"},
        "title": TEXT,
        "filetype": TEXT,
    }
)
SUBMISSION = record(
    {
        "number": whole(1) | {"description": "The version it is kept as"},
        "submitted": TIME,
        "by": many(ref("Person")),
        "size": whole(),
        "filetype": TEXT,
        "data": TRUTH | {"description": "Whether what was filled in came with it"},
    }
)

PATHS: dict[str, Plain] = {
    "/api/onlyoffice/save-as": {
        "post": operation(
            "saveAs",
            "Keep a copy that the editor made, as a new file of yours",
            NEW,
            *("bad_request", "bad_name", *FAILS, *HIDDEN),
            sends=body(COPY),
        ),
    },
    "/api/files/{id}/convert": {
        "post": operation(
            "convertFile",
            "Have the Document Server make a new file of it, of a type that can be edited",
            NEW,
            *("bad_request", "bad_name", *FAILS, *HIDDEN),
            asks=[NAMED],
            sends=body(record({}, {"to": text(description="docx, xlsx, … as suits the file without it")}))
            | {"required": False},
        ),
    },
    "/api/files/{id}/submissions": {
        "get": operation(
            "listSubmissions",
            "What people have sent in with this form, the newest first; for those who may edit it",
            {200: answer("All of them", record({"submissions": many(SUBMISSION)}))},
            *HIDDEN,
            asks=[NAMED],
        ),
    },
    "/api/files/{id}/submissions/{number}/content": {
        "get": operation(
            "getSubmission",
            "The form as it was filled in",
            BYTES_ANSWERS,
            *HIDDEN,
            asks=[NAMED, NUMBERED, *PARTIAL],
        ),
    },
    "/api/files/{id}/submissions/{number}/data": {
        "get": operation(
            "getSubmittedData",
            "What was filled in, as the Document Server told it",
            {200: answer("Its JSON", {})},
            *HIDDEN,
            asks=[NAMED, NUMBERED],
        ),
    },
}
