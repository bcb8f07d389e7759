"""Files, their content and their versions."""

from __future__ import annotations

from application.names import LONGEST_NAME
from web.openapi.parts import (
    BYTES,
    JSON,
    LINK,
    TEXT,
    Plain,
    answer,
    body,
    given,
    header,
    links,
    many,
    maybe,
    operation,
    record,
    ref,
    text,
    whole,
)
from web.openapi.schemas import FILE_ID, SHARED

NAMED = given("id", "path", FILE_ID, "The file’s id")
NUMBERED = given("number", "path", whole(0, 999_999_999), "The version’s number")
HIDDEN = ("not_found", "forbidden")  # from whoever may not see the file

NAME = {
    "type": "string",
    "format": "file-name",
    "minLength": 1,
    "maxLength": LONGEST_NAME,
    "description": f"At most {LONGEST_NAME} bytes, without slashes and control characters",
}
SHARES = {
    "type": "object",
    "propertyNames": {"minLength": 1},
    "additionalProperties": maybe(SHARED),
    "description": "By a user’s `sub`, or * for everybody; null takes a share back. Only the owner shares.",
}
CHANGE = record({}, {"name": maybe(NAME), "shares": SHARES})

IF_MATCH = given(
    "If-Match",
    "header",
    text(r'\*|"[0-9a-f]{64}"|(W/)?"[0-9]{1,9}"|[0-9]{1,9}'),
    "The version that the new content was made from: its number, or the tag of its bytes",
)
PARTIAL = [
    given("Range", "header", TEXT, "One range of bytes"),
    given("If-Range", "header", TEXT),
    given("If-None-Match", "header", TEXT),
]
HEAD_TAG = header(text('"[0-9]+"'), "The number of its head")
CONTENT_TAG = header(text('"[0-9a-f]{64}"'), "The SHA-256 of the content")
RANGES = {
    "ETag": CONTENT_TAG,
    "Accept-Ranges": header(TEXT),
}
CONTENT_RANGE = header(text("bytes .+"))
BYTES_ANSWERS = {
    200: answer("The bytes", text(), BYTES, RANGES),
    206: answer("A range of them", text(), BYTES, {**RANGES, "Content-Range": CONTENT_RANGE}),
    304: answer("You have them", headers={"ETag": CONTENT_TAG}),
    416: answer("There is no such range", headers={"Content-Range": CONTENT_RANGE}),
}

FILE = answer("The file", ref("File"), headers={"ETag": HEAD_TAG})
VERSIONS = record({"versions": many(ref("Version"))})
FILES = record({"files": many(ref("File")), "next": maybe(FILE_ID)})
CREATED = answer("The new file", ref("File"), headers={"Location": header(LINK)})
UPLOAD = {
    "required": True,
    "content": {
        "multipart/form-data": {"schema": record({"file": text(format="binary")})},
        JSON: {"schema": record({"name": NAME})},
    },
}
LINKS = links(
    {"id": "$response.body#/id"},
    *("showFile", "changeFile", "deleteFile", "reinstateFile", "getContent", "putContent", "listVersions"),
    *("getConfiguration", "listHistory", "listFileEvents", "exportFileEvents"),
)

PAGING = [
    given("limit", "query", whole(1, 1000) | {"default": 100}),
    given("before", "query", TEXT, "The `next` of the page before"),
]

PATHS: dict[str, Plain] = {
    "/api/files": {
        "get": operation(
            "listFiles",
            "Your files and those shared with you, the newest first",
            {200: answer("A page of them", FILES)},
            "bad_request",
            asks=PAGING,
        ),
        "post": operation(
            "addFile",
            "Upload a file, or begin a new one that is blank",
            {201: CREATED | LINKS},
            *("bad_request", "bad_name", "wrong_type", "too_large"),
            sends=UPLOAD,
        ),
    },
    "/api/files/{id}": {
        "get": operation("showFile", "A file as it is now", {200: FILE}, *HIDDEN, asks=[NAMED]),
        "patch": operation(
            "changeFile",
            "Rename a file, or share it",
            {200: FILE},
            *("bad_request", "bad_name", "in_use", "too_large", *HIDDEN),
            asks=[NAMED],
            sends=body(CHANGE),
        ),
        "delete": operation(
            "deleteFile",
            "Hide a file; its versions stay",
            {204: answer("It is hidden")},
            *HIDDEN,
            asks=[NAMED],
        ),
    },
    "/api/files/{id}/restore": {
        "post": operation("reinstateFile", "Bring a deleted file back", {200: FILE}, *HIDDEN, asks=[NAMED]),
    },
    "/api/files/{id}/content": {
        "get": operation(
            "getContent", "The content of its head", BYTES_ANSWERS, *HIDDEN, asks=[NAMED, *PARTIAL]
        ),
        "put": operation(
            "putContent",
            "Replace the content; while people edit, their work is saved first and they are sent out",
            {200: FILE},
            *("bad_request", "changed", "too_large", "saving_in_progress", *HIDDEN),
            asks=[NAMED, IF_MATCH],
            sends=body({}, BYTES) | {"required": False},
        ),
    },
    "/api/files/{id}/versions": {
        "get": operation(
            "listVersions",
            "Every version that is kept",
            {200: answer("In order", VERSIONS)},
            *HIDDEN,
            asks=[NAMED],
        ),
    },
    "/api/files/{id}/versions/{number}/content": {
        "get": operation(
            "getVersionContent",
            "The content of a version",
            BYTES_ANSWERS,
            *HIDDEN,
            asks=[NAMED, NUMBERED, *PARTIAL],
        ),
    },
    "/api/files/{id}/versions/{number}/restore": {
        "post": operation(
            "restoreVersion",
            "Make a version the head again, as a new version",
            {200: FILE},
            *("saving_in_progress", *HIDDEN),
            asks=[NAMED, NUMBERED],
        ),
    },
}
