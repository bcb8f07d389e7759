"""A stored fact as a check meets it: nothing is sure of its columns, not even their types."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from domain.events import Event, Opened
from infrastructure.journal import seals
from infrastructure.journal.events_table import stamp
from infrastructure.journal.mapper import Undecodable, decoded


@dataclass(frozen=True, slots=True)
class Exhibit:
    position: int
    stream: Any = None
    number: Any = None
    topic: Any = None
    state: Any = None
    cause: Any = None
    at: Any = None
    file: Any = None
    salt: Any = None
    digest: Any = None
    link: Any = None
    before: Any = None  # the link of the fact before it in its stream
    before_position: Any = None
    opening_file: Any = None  # that the first fact of its stream is about
    damage: str | None = None  # why it cannot be read at all


@dataclass(frozen=True, slots=True)
class Flaw:
    detail: str
    readable: bool = True
    file: str | None = None  # that it is about, when another one is written beside it


def links(exhibit: Exhibit, befores: Iterable[bytes], stream: str, number: int) -> tuple[bytes, ...]:
    """Those that what it says can have at that place; none if it says nothing."""
    digest = _digest(exhibit)
    if digest is None:
        return ()
    with suppress(UnicodeEncodeError):
        return tuple(seals.link(before, stream, number, str(exhibit.topic), digest) for before in befores)
    return ()


def _digest(exhibit: Exhibit) -> bytes | None:
    state, cause, salt, digest = exhibit.state, exhibit.cause, exhibit.salt, exhibit.digest
    if not isinstance(state, bytes) or not isinstance(cause, bytes | None):
        return None
    if isinstance(salt, bytes) and digest is None:
        return seals.digest(salt, state, cause)
    return digest if salt is None and isinstance(digest, bytes) else None


def is_left(exhibit: Exhibit, redactions: Sequence[bytes]) -> bool:
    """Whether the last of the stream's redactions that speaks of this fact left it as it is."""
    for text in reversed(redactions):
        with suppress(ValueError, TypeError, AttributeError):
            seal = json.loads(text)["left"].get(str(exhibit.number))
            if seal is not None:
                return bool(seal == seals.what_is_left(exhibit.state, exhibit.cause))
    return False


def flaw(exhibit: Exhibit, opening_file: Any) -> Flaw | None:
    """What is wrong with a fact whose link is right."""
    try:
        fact = decoded(exhibit.topic, exhibit.state)
        at = stamp(fact.at)
    except (Undecodable, AttributeError, OverflowError) as trouble:
        return Flaw(str(trouble), readable=False)
    if exhibit.at != at:
        return Flaw(f"it happened at {at}, and another time is written beside it")
    file = _file_of(fact, exhibit, opening_file)
    if exhibit.file != file:
        return Flaw(f"it is about {file or 'no file'}, and another file is written beside it", file=file)
    return None


def _file_of(fact: Event, exhibit: Exhibit, opening_file: Any) -> Any:
    kind, _, name = exhibit.stream.partition("/")
    if kind == "file":
        return name
    if isinstance(fact, Opened):
        return fact.file
    return opening_file if kind == "document" else getattr(fact, "file", None)
