"""Incidents as JSON Lines: what is exported of a log, to be read wherever it is to be understood.

A header, then one fact per line in the order of the log, each as the journal stores it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from application.journal import Recorded
from application.plain import to_plain
from domain.events import DocumentEvent, Event, FileEvent
from infrastructure.journal.mapper import to_fact, topic_of

KIND = "docledger incident"
FORMAT = 1
STREAMS: Mapping[str, tuple[type, ...]] = {"document": get_args(DocumentEvent), "file": get_args(FileEvent)}
MEMBERS = {"position": int, "stream": str, "number": int, "type": str, "at": str, "data": dict}


class Malformed(Exception):
    """No incident, or one that was cut or changed by hand; the text says where."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"line {line}: {what}")


def header(of: str, *, redacted: bool, at: datetime, release: str) -> str:
    told = {
        "kind": KIND,
        "format": FORMAT,
        "of": of,
        "redacted": redacted,
        "exported": at.isoformat(timespec="seconds"),
        "release": release,
    }
    return _line(told)


def line(fact: Recorded) -> str:
    data = to_plain(fact.event)
    told = {
        "position": fact.position,
        "stream": fact.stream,
        "number": fact.number,
        "type": topic_of(type(fact.event)),
        "at": data.pop("at"),
        "data": data,
    }
    return _line({**told, "cause": fact.cause} if fact.cause is not None else told)


def _line(told: Mapping[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")) + "\n"


def read(lines: Iterable[bytes]) -> Iterator[Recorded]:
    """The facts of an incident; the first is in its second line. Raises Malformed."""
    numbered = enumerate(lines, start=1)
    first = next(numbered, None)
    if first is None:
        raise Malformed(1, "the file is empty.")
    _check_header(_object(*first))
    numbers: dict[str, int] = {}  # how many facts each stream has so far
    position = 0
    for number, text in numbered:
        fact = _fact(number, _object(number, text))
        due = numbers.get(fact.stream, 0) + 1
        if fact.number != due:
            raise Malformed(number, f"event {fact.number} of {fact.stream} comes where {due} is due.")
        if fact.position <= position:
            raise Malformed(number, f"position {fact.position} comes after {position}.")
        numbers[fact.stream], position = due, fact.position
        yield fact
    if not numbers:
        raise Malformed(1, "nothing follows the header.")


def _object(number: int, text: bytes) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as trouble:
        raise Malformed(number, f"this is no JSON ({trouble}).") from trouble
    if not isinstance(told, dict):
        raise Malformed(number, "this is no JSON object.")
    return told


def _check_header(told: Mapping[str, Any]) -> None:
    if told.get("kind") != KIND:
        raise Malformed(1, f'an export of `docledger export` begins with {{"kind": "{KIND}", …}}.')
    if told.get("format") != FORMAT:
        made = f"was made by {told.get('release', 'another release')}"
        raise Malformed(1, f"it {made} in format {told.get('format')}; this release reads format {FORMAT}.")


def _fact(number: int, told: Mapping[str, Any]) -> Recorded:
    for name, kind in MEMBERS.items():
        if not isinstance(told.get(name), kind):
            raise Malformed(number, f"{name} is missing, or is no {kind.__name__}.")
    if not isinstance(cause := told.get("cause"), dict | None):
        raise Malformed(number, "cause is no object.")
    try:
        event = to_fact(told["type"], {"at": told["at"], **told["data"]})
        _check(event)
    except (ValueError, KeyError, TypeError, AttributeError) as trouble:
        raise Malformed(number, f"no {told['type']} can be made of this ({trouble}).") from trouble
    if type(event) not in STREAMS.get(told["stream"].partition("/")[0], ()):
        raise Malformed(number, f"there is no {told['type']} in a stream like {told['stream']}.")
    return Recorded(told["position"], told["stream"], told["number"], event, None, cause)


def _check(event: Event) -> None:
    """Raises ValueError for a value that its field cannot have."""
    kind: type = type(event)
    for name, hint in _hints(kind).items():
        if not _fits(value := getattr(event, name), hint):
            raise ValueError(f"{name} cannot be {value!r}")


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _fits(value: Any, hint: Any) -> bool:
    origin, parts = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin is UnionType:
        return any(_fits(value, part) for part in parts)
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(item, parts[0]) for item in value)
    if origin is not None:  # a Mapping
        return isinstance(value, Mapping)
    if hint is datetime:
        return isinstance(value, datetime) and value.tzinfo is not None
    if hint is float:
        return isinstance(value, int | float)
    return isinstance(value, hint) and (hint is bool or not isinstance(value, bool))
