"""Schemas of dataclasses, read off their type hints: what is recorded is described by its own classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from typing import Any, get_args, get_origin, get_type_hints

from application.audit import TYPES
from web.openapi.parts import (
    NUMBER,
    TEXT,
    TIME,
    TRUTH,
    WHOLE,
    Plain,
    many,
    maybe,
    one_of,
    record,
    ref,
)

SIMPLE: Mapping[Any, Plain] = {
    str: TEXT,
    int: WHOLE,
    float: NUMBER,
    bool: TRUTH,
    datetime: TIME,
    Any: {},
    tuple[str, ...]: many(TEXT),
    tuple[int, ...]: many(WHOLE),
}


def schema_of(kind: type, beside: Mapping[str, Plain] | None = None, *, without: str = "") -> Plain:
    """Of a dataclass as `application.plain` writes it: with all its fields, and others `beside` them."""
    hints = get_type_hints(kind)
    named = [field.name for field in fields(kind) if field.name != without]
    return record({**(beside or {}), **{name: _schema(hints[name]) for name in named}})


def _schema(hint: Any) -> Plain:
    if hint in SIMPLE:
        return SIMPLE[hint]
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return one_of(hint)
    if get_origin(hint) is Mapping:
        return {"type": "object", "additionalProperties": _schema(get_args(hint)[1])}
    (other,) = (option for option in get_args(hint) if option is not type(None))
    return maybe(_schema(other))


def event_schemas(common: Mapping[str, Plain], optional: Mapping[str, Plain]) -> dict[str, Plain]:
    """`Event`, and one schema for each type of it."""
    names = {kind: f"{kind}Event" for kind in TYPES}
    schemas = {
        names[kind]: record(
            {**common, "type": {"const": kind}, "data": schema_of(fact, without="at")}, optional
        )
        for kind, fact in TYPES.items()
    }
    event = {
        "oneOf": [ref(name) for name in names.values()],
        "discriminator": {
            "propertyName": "type",
            "mapping": {kind: f"#/components/schemas/{name}" for kind, name in names.items()},
        },
    }
    return {"Event": event, **schemas}
