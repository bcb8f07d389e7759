"""Facts to stored rows and back: a fact is stored under its bare class name, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from eventsourcing.persistence import Mapper, StoredEvent

from application.plain import from_plain, to_plain
from domain.events import Event


@dataclass(frozen=True, slots=True)
class Envelope:
    """A fact, with the place the library files it under."""

    originator_id: str
    originator_version: int
    fact: Event


KINDS: Mapping[str, type] = {kind.__name__: kind for kind in get_args(Event)}


class Undecodable(Exception):
    """A stored row that says nothing we understand."""


def to_fact(topic: str, state: Mapping[str, Any]) -> Event:
    fact: Event = from_plain(KINDS[topic], state)
    return fact


def decoded(topic: str, state: bytes) -> Event:
    """Whatever the row may hold. Raises Undecodable."""
    try:
        return to_fact(topic, json.loads(state))
    except KeyError:
        raise Undecodable(f"{topic!r} is no kind of fact") from None
    except (TypeError, ValueError, AttributeError, OverflowError, RecursionError) as trouble:
        raise Undecodable(f"this is no {topic}: {trouble}") from trouble


class FactMapper(Mapper[str]):
    def to_stored_event(self, domain_event: Any) -> StoredEvent:
        return StoredEvent(
            domain_event.originator_id,
            domain_event.originator_version,
            type(domain_event.fact).__name__,
            self.transcoder.encode(to_plain(domain_event.fact)),
        )

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        state = self.transcoder.decode(stored_event.state)
        fact = to_fact(stored_event.topic, state)
        return Envelope(str(stored_event.originator_id), stored_event.originator_version, fact)
