"""Facts to stored rows and back: a fact is stored under its class name, as JSON.

A fact whose fields have been given another shape is stored under its name and the number of its shape:
`Saved`, then `Saved.2`, `Saved.3`. What is stored stays as it is and is brought up to date when read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
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


class Undecodable(ValueError):
    """A stored row that says nothing this release understands."""


Step = Callable[[Mapping[str, Any]], Mapping[str, Any]]

KINDS: Mapping[str, type] = {kind.__name__: kind for kind in get_args(Event)}

# By name: what makes shape 2 of shape 1, shape 3 of shape 2, and so on. A step is never changed or removed.
# A field with a default needs none: whatever lacks it is read with the default.
STEPS: dict[str, Sequence[Step]] = {}


def topic_of(kind: type) -> str:
    name = kind.__name__
    return topics_of(name)[-1] if name in STEPS else name


def topics_of(name: str) -> Sequence[str]:
    """Everything that facts of this name have ever been stored under, the present one last."""
    return [name, *(f"{name}.{shape}" for shape in range(2, len(STEPS.get(name, ())) + 2))]


def to_fact(topic: str, state: Mapping[str, Any]) -> Event:
    """Raises Undecodable; KeyError, TypeError, ValueError for a state that is not one of its kind."""
    name = topic.partition(".")[0]
    if name not in KINDS or topic not in (topics := topics_of(name)):
        raise Undecodable(f"{topic} is nothing that this release knows; was it recorded by a newer one?")
    for step in STEPS.get(name, ())[topics.index(topic) :]:
        state = step(state)
    fact: Event = from_plain(KINDS[name], state)
    return fact


def decoded(topic: str, state: bytes) -> Event:
    """Whatever the row may hold. Raises Undecodable."""
    try:
        return to_fact(topic, json.loads(state))
    except Undecodable:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as trouble:
        raise Undecodable(f"this is no {topic}: {trouble}") from trouble


class FactMapper(Mapper[str]):
    def to_stored_event(self, domain_event: Any) -> StoredEvent:
        return StoredEvent(
            domain_event.originator_id,
            domain_event.originator_version,
            topic_of(type(domain_event.fact)),
            self.transcoder.encode(to_plain(domain_event.fact)),
        )

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        state = self.transcoder.decode(stored_event.state)
        fact = to_fact(stored_event.topic, state)
        return Envelope(str(stored_event.originator_id), stored_event.originator_version, fact)
