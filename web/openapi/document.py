"""The description as a whole, and where it is served."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import sha256
from importlib.metadata import version

from starlette.requests import Request
from starlette.responses import Response

from web.context import context_of
from web.gate import CALLBACK, UNLIMITED
from web.openapi import copying, editor, files, log, operating
from web.openapi.parts import (
    COUNTED,
    ERRORS,
    GUARDED,
    RESPONSES,
    SIGNED_IN,
    TEXT,
    Plain,
    answer,
    given,
    header,
    problem,
    problems,
    whole,
)
from web.openapi.schemas import SCHEMAS

AREAS = {
    "Files": files.PATHS | copying.PATHS,
    "Editor": editor.PATHS,
    "Log": log.PATHS,
    "Operating": operating.PATHS,
}
DESCRIPTION = (
    "ONLYOFFICE editing on top of a team’s own files that never loses a save. Errors are `message`, for "
    "people, and `code`, for programs; whoever accepts text/html gets a page instead, or is led to /sign-in."
)
SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "HS256, signed with AUTH_SECRET; claims sub (or id), name, role",
    },
    "cookie": {"type": "apiKey", "in": "cookie", "name": "token", "description": "The same token"},
    "fileLink": {
        "type": "apiKey",
        "in": "query",
        "name": "token",
        "description": "Part of a link that we signed, for one version of one file",
    },
    "documentServer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "Signed with the Document Server’s secret, here or as `token` in the body",
    },
    "operator": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "Signed with our own secret, which `docledger drain` reads",
    },
}
HEADERS = {
    f"RateLimit-{name}": header(whole(), told)
    for name, told in (
        ("Limit", "Requests in a window"),
        ("Remaining", "Those that are left"),
        ("Reset", "Seconds to its end"),
    )
}
LED_TO_SIGN_IN = answer("To /sign-in, for browsers", headers={"Location": header(TEXT)})
PLAYS = given("as", "query", TEXT, "Whom to play; you are the local user without it")


async def served(request: Request) -> Response:
    site = context_of(request).site
    content, tag = _written(site.public_url, site.demo)
    headers = {"ETag": tag, "Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type="application/json", headers=headers)


@cache  # there is one site in a process
def _written(public_url: str, demo: bool) -> tuple[bytes, str]:
    content = json.dumps(described(public_url, demo=demo), ensure_ascii=False).encode()
    return content, f'"{sha256(content).hexdigest()}"'


def described(public_url: str, *, demo: bool) -> Plain:
    """`demo`: nobody signs in, and who it is may be played."""
    paths = {
        path: {method: _completed(path, method, area, told, demo) for method, told in operations.items()}
        for area, of_area in AREAS.items()
        for path, operations in of_area.items()
    }
    return {
        "openapi": "3.1.1",
        "info": {"title": "Docledger", "version": version("docledger"), "description": DESCRIPTION},
        "servers": [{"url": public_url}],
        "tags": [{"name": area} for area in AREAS],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "responses": {name: problem(name) for name in sorted(_problems_in(paths))},
            "headers": HEADERS,
            "securitySchemes": SCHEMES,
        },
    }


def _problems_in(paths: Mapping[str, Plain]) -> set[str]:
    """The names of those that are spoken of."""
    answers = [
        answer
        for operations in paths.values()
        for told in operations.values()
        for answer in told["responses"].values()
    ]
    return {answer["$ref"].removeprefix(RESPONSES) for answer in answers if "$ref" in answer}


def _completed(path: str, method: str, area: str, told: Plain, demo: bool) -> Plain:
    """With what holds for many: who may ask, how often, and what may go wrong."""
    signed_in = SIGNED_IN[0] in told["security"]
    answers = dict(told["responses"])
    if path not in {CALLBACK, *UNLIMITED}:
        answers = {status: _counted(answer) for status, answer in answers.items()}
    if signed_in and not demo:
        answers["303"] = LED_TO_SIGN_IN
    errors = {*told[ERRORS], *_errors(path, method, demo, signed_in)}
    completed = {"tags": [area], **told, "responses": problems(errors) | answers}
    if signed_in and demo:
        completed |= {"parameters": [*told.get("parameters", ()), PLAYS], "security": []}
    return {name: value for name, value in completed.items() if name != ERRORS}


def _errors(path: str, method: str, demo: bool, signed_in: bool) -> Iterator[str]:
    """That have nothing to do with what is asked for."""
    yield from ("internal", *GUARDED)
    if demo:
        yield "misdirected"
    elif signed_in:
        yield "unauthenticated"
    if path not in {CALLBACK, *UNLIMITED}:
        yield "rate_limited"
        if path.startswith("/api/"):
            yield from ("damaged", "unavailable")
        if method != "get":
            yield "cross_site"


def _counted(response: Plain) -> Plain:
    return response | {"headers": {**COUNTED, **response.get("headers", {})}}
