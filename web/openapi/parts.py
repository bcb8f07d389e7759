"""The few things that every description is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from web.errors import RETRY_AFTER, TABLE

Plain = dict[str, Any]

BYTES = "application/octet-stream"
JSON = "application/json"
HTML = "text/html"

ALSO = {  # said by the guard, the gate and the server
    **{"bad_path": 400, "two_lengths": 400, "misdirected": 421, "too_many_headers": 431},
    **{"cross_site": 403, "rate_limited": 429, "internal": 500},
}
GUARDED = frozenset({"bad_path", "two_lengths", "too_many_headers"})
ERRORS = "errors"  # of an operation, until it is completed
STATUS = {**{code: status for status, code in TABLE.values()}, **ALSO}
OR = "-or-"
RESPONSES = "#/components/responses/"
COUNTED = {
    f"RateLimit-{name}": {"$ref": f"#/components/headers/RateLimit-{name}"}
    for name in ("Limit", "Remaining", "Reset")
}

SIGNED_IN: Sequence[Plain] = ({"bearer": []}, {"cookie": []})
ANYBODY: Sequence[Plain] = ()

# -- schemas ------------------------------------------------------------------------------------------

TEXT: Plain = {"type": "string"}
WHOLE: Plain = {"type": "integer"}
NUMBER: Plain = {"type": "number"}
TRUTH: Plain = {"type": "boolean"}
TIME: Plain = {"type": "string", "format": "date-time"}
LINK: Plain = {"type": "string", "format": "uri"}


def ref(name: str) -> Plain:
    return {"$ref": f"#/components/schemas/{name}"}


def text(pattern: str = "", **more: Any) -> Plain:
    return {"type": "string", **({"pattern": f"^(?:{pattern})$"} if pattern else {}), **more}


def whole(least: int = 0, most: int | None = None) -> Plain:
    return {"type": "integer", "minimum": least, **({} if most is None else {"maximum": most})}


def one_of(values: Iterable[Any]) -> Plain:
    return {"enum": list(values)}


def maybe(schema: Plain) -> Plain:
    """Or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def many(schema: Plain) -> Plain:
    return {"type": "array", "items": schema}


def record(fields: Mapping[str, Plain], optional: Mapping[str, Plain] | None = None) -> Plain:
    """An object that has these fields. Clients must bear others, which newer releases may add."""
    properties = {**fields, **(optional or {})}
    return {"type": "object", "required": list(fields), "properties": properties}


# -- what is asked ------------------------------------------------------------------------------------


def given(name: str, where: str, schema: Plain, description: str = "", **more: Any) -> Plain:
    told = {"description": description} if description else {}
    required = {"required": True} if where == "path" else {}
    return {"name": name, "in": where, **required, "schema": schema, **told, **more}


def body(schema: Plain, kind: str = JSON) -> Plain:
    return {"required": True, "content": {kind: {"schema": schema}}}


# -- what is answered ---------------------------------------------------------------------------------


def header(schema: Plain, description: str = "") -> Plain:
    return {"schema": schema, **({"description": description} if description else {})}


def answer(
    description: str,
    schema: Plain | None = None,
    kind: str = JSON,
    headers: Mapping[str, Plain] | None = None,
) -> Plain:
    content = {"content": {kind: {"schema": schema}}} if schema is not None else {}
    return {"description": description, **content, **({"headers": dict(headers)} if headers else {})}


def links(parameters: Mapping[str, str], *operations: str) -> Plain:
    """What can be asked next with what an answer holds."""
    return {"links": {name: {"operationId": name, "parameters": dict(parameters)} for name in operations}}


def operation(
    name: str,
    summary: str,
    answers: Mapping[int, Plain],
    *errors: str,
    asks: Sequence[Plain] = (),
    sends: Plain | None = None,
    security: Sequence[Plain] = SIGNED_IN,
) -> Plain:
    """`errors` are the codes that it may refuse with, beside those that everything may."""
    return {
        "operationId": name,
        "summary": summary,
        **({"parameters": list(asks)} if asks else {}),
        **({"requestBody": sends} if sends else {}),
        "responses": {str(status): told for status, told in answers.items()},
        "security": list(security),
        ERRORS: errors,
    }


def problems(codes: Iterable[str]) -> Plain:
    """The answers that tell of these codes, each kept once for all operations that share it."""
    grouped: dict[int, list[str]] = {}
    for code in sorted(codes):
        grouped.setdefault(STATUS[code], []).append(code)
    return {str(status): {"$ref": f"{RESPONSES}{OR.join(same)}"} for status, same in sorted(grouped.items())}


def problem(name: str) -> Plain:
    """The answer that goes by that name."""
    codes = name.split(OR)
    status = STATUS[codes[0]]
    schema = {"allOf": [ref("Problem"), {"properties": {"code": one_of(codes)}}]}
    headers = dict(COUNTED)
    if status == 401:
        headers["WWW-Authenticate"] = header(TEXT)
    if "rate_limited" in codes or any(code in RETRY_AFTER for code in codes):
        headers["Retry-After"] = header(whole(), "Seconds to wait")
    content = {JSON: {"schema": schema}, HTML: {"schema": TEXT}}
    return {"description": ", ".join(codes), "content": content, "headers": headers}
