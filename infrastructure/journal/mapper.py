"""Facts to stored rows and back: a fact is stored under its bare class name, as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, get_args, get_type_hints

from eventsourcing.persistence import Mapper, StoredEvent

from domain.events import Event

Parse = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Envelope:
    """A fact, with the place the library files it under."""

    originator_id: str
    originator_version: int
    fact: Event


def to_plain(value: Any) -> Any:
    """What JSON can hold: aware datetimes as ISO 8601, tuples as lists."""
    return value.isoformat() if isinstance(value, datetime) else value


def _parser(hint: Any) -> Parse:
    """How a stored value becomes a value of this type again."""
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
    return lambda value: value


def _parsers(kind: type) -> Mapping[str, Parse]:
    hints = get_type_hints(kind)
    return {field.name: _parser(hints[field.name]) for field in fields(kind)}


KINDS: Mapping[str, type] = {kind.__name__: kind for kind in get_args(Event)}
PARSERS: Mapping[str, Mapping[str, Parse]] = {name: _parsers(kind) for name, kind in KINDS.items()}


def to_state(fact: Event) -> dict[str, Any]:
    return {name: to_plain(getattr(fact, name)) for name in PARSERS[type(fact).__name__]}


def to_fact(topic: str, state: Mapping[str, Any]) -> Event:
    """Fields that a newer version added are left out; fields it lacks take their defaults."""
    parsers = PARSERS[topic]
    known = {name: parsers[name](value) for name, value in state.items() if name in parsers}
    fact: Event = KINDS[topic](**known)
    return fact


class FactMapper(Mapper[str]):
    def to_stored_event(self, domain_event: Any) -> StoredEvent:
        return StoredEvent(
            domain_event.originator_id,
            domain_event.originator_version,
            type(domain_event.fact).__name__,
            self.transcoder.encode(to_state(domain_event.fact)),
        )

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        state = self.transcoder.decode(stored_event.state)
        fact = to_fact(stored_event.topic, state)
        return Envelope(str(stored_event.originator_id), stored_event.originator_version, fact)
