"""Every answer that a test is given must be one that `/openapi.json` tells of."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import httpx
import jsonschema_rs

from web.openapi.document import described

Plain = dict[str, Any]

DOCUMENT = described("http://docledger.test", demo=False)
PAGES = re.compile(r"/|/(files|documents|static)/.*|/audit|/doctor|/new|/sign-in")
PROBLEM = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}, "text/html": {}}
NOTHING_THERE = {"responses": {status: {"content": PROBLEM} for status in ("403", "404", "405", "429")}}


class Client(httpx.AsyncClient):
    """One that takes no answer for granted. What is read piece by piece is left to its test."""

    async def request(self, *args: Any, **more: Any) -> httpx.Response:
        response = await super().request(*args, **more)
        check(response)
        return response


def check(response: httpx.Response) -> None:
    method, path = response.request.method.lower(), response.request.url.path
    if PAGES.fullmatch(path) or not response.headers.get("content-type"):
        return  # for people, or nothing
    operations = next((told for pattern, told in _paths() if pattern.fullmatch(path)), {})
    told = operations.get("get" if method == "head" else method)
    _check(response, told or NOTHING_THERE, f"{method} {path}")


def _check(response: httpx.Response, told: Plain, asked: str) -> None:
    answers = told["responses"]
    assert str(response.status_code) in answers, f"{asked}: {response.status_code} is not described"
    answer = _resolved(answers[str(response.status_code)])
    for name, header in answer.get("headers", {}).items():
        if (value := response.headers.get(name)) is not None:
            schema = _resolved(header)["schema"]
            _validator(schema).validate(int(value) if schema.get("type") == "integer" else value)
    kind = response.headers["content-type"].partition(";")[0]
    content = answer.get("content", {})
    assert kind in content or not response.content, f"{asked}: {kind} is not described"
    if kind == "application/json" and response.content:
        _validator(content[kind]["schema"]).validate(response.json())


@cache
def _paths() -> list[tuple[re.Pattern[str], Plain]]:
    return [
        (re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), told) for path, told in DOCUMENT["paths"].items()
    ]


def _resolved(part: Plain) -> Plain:
    if "$ref" not in part:
        return part
    found: Any = DOCUMENT
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return dict(found)


_validators: dict[str, Any] = {}


def _validator(schema: Plain) -> Any:
    text = json.dumps(schema, sort_keys=True)
    if text not in _validators:
        whole = {"components": _closed(DOCUMENT["components"]), "allOf": [_closed(schema)]}
        _validators[text] = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    return _validators[text]


def _closed(part: Any) -> Any:
    """Clients bear fields that nobody has told them of; a test does not, unless they may be anything."""
    if isinstance(part, list):
        return [_closed(item) for item in part]
    if not isinstance(part, Mapping):
        return part
    closed = {name: _closed(value) for name, value in part.items()}
    if part.get("type") == "object" and "properties" in part and "additionalProperties" not in part:
        closed["additionalProperties"] = False
    return closed
