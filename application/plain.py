"""Dataclasses to what JSON can hold, and back by their type hints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, get_args, get_type_hints

T = TypeVar("T")
Parse = Callable[[Any], Any]

AS_IT_IS = frozenset({str, int, float, bool, type(None)})


def to_plain(value: Any) -> Any:
    """Aware datetimes as ISO 8601, dataclasses as objects; JSON itself makes lists of tuples."""
    if type(value) in AS_IT_IS:
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value):
        kind: Any = type(value)
        return {name: to_plain(getattr(value, name)) for name in parsers(kind)}
    return value


def from_plain(kind: type[T], state: Mapping[str, Any]) -> T:
    """Fields that a newer version added are left out; fields it lacks take their defaults."""
    known: Mapping[str, Parse] = parsers(kind)  # type: ignore[arg-type]  # a class is hashable
    return kind(**{name: known[name](value) for name, value in state.items() if name in known})


@cache
def parsers(kind: type) -> Mapping[str, Parse]:
    """For each field, how its stored value becomes a value of its type again."""
    hints = get_type_hints(kind)
    return {field.name: _parser(hints[field.name]) for field in fields(kind)}


def _parser(hint: Any) -> Parse:
    options = [option for option in get_args(hint) if option is not type(None)]
    if type(None) in get_args(hint) and len(options) == 1:
        parse = _parser(options[0])
        return lambda value: None if value is None else parse(value)
    if hint is datetime:
        return datetime.fromisoformat
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint
    if hint in (tuple[str, ...], tuple[int, ...]):
        return tuple
    if is_dataclass(hint):
        kind: Any = hint
        return lambda value: from_plain(kind, value)
    return lambda value: value
