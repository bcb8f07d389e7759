"""A stream up to any moment of its past: the facts until then, and what was true after them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any

from application.describing import described_document, described_file
from application.journal import Recorded
from domain import document as documents
from domain import events
from domain import file as files
from domain.events import Event


class NoSuchMoment(Exception):
    """The stream has none like that; the text says which it has."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A fact's number, a time, or when a version was stored; the last of these when nothing is given."""

    after: int | None = None
    at: datetime | None = None  # aware
    version: int | None = None


def time_of(text: str) -> datetime:
    """UTC, unless it says otherwise. Raises ValueError, which says what it is to be."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("a time in ISO 8601, such as 2026-11-23T12:00:00Z.") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def until(facts: Sequence[Recorded], moment: Moment) -> Sequence[Recorded]:
    """The facts of a stream, up to the moment and with it. Raises NoSuchMoment."""
    if (at := moment.at) is not None:
        return list(takewhile(lambda recorded: recorded.event.at <= at, facts))
    if moment.version is not None:
        return facts[: _storing(facts, moment.version)]
    number = len(facts) if moment.after is None else moment.after
    if not 0 <= number <= len(facts):
        raise NoSuchMoment(f"There is no event {number}: they are numbered from 1 to {len(facts)}.")
    return facts[:number]


def version_in(fact: Event) -> int | None:
    """The number of the version that the fact says was stored."""
    match fact:
        case (
            events.Saved(version=number)
            | events.Forcesaved(version=number)
            | events.VersionAdded(number=number)
        ):
            return number
    return None


def _storing(facts: Sequence[Recorded], version: int) -> int:
    """The number of the fact that first names it."""
    stored: dict[int, int] = {}
    for recorded in facts:
        if (number := version_in(recorded.event)) is not None:
            stored.setdefault(number, recorded.number)
    if version not in stored:
        known = f"It stored {_listed(sorted(stored))}." if stored else "It stored none."
        raise NoSuchMoment(f"Version {version} was not stored here. {known}")
    return stored[version]


def _listed(numbers: Sequence[int]) -> str:
    first, last = numbers[0], numbers[-1]
    if len(numbers) > 8:
        return f"{len(numbers)} versions from {first} to {last}"
    return ", ".join(map(str, numbers))


def document_state(key: str, facts: Sequence[Recorded], *, addresses: bool = True) -> dict[str, Any]:
    """What was true of a document after these facts, which its stream begins with."""
    document = documents.replay(recorded.event for recorded in facts)  # type: ignore[misc]  # its own stream
    return {
        "key": key,
        **_place(facts),
        "open": document.state if document else None,
        "state": described_document(document, addresses=addresses) if document else None,
    }


def file_state(file_id: str, facts: Sequence[Recorded]) -> dict[str, Any]:
    file = files.replay(recorded.event for recorded in facts)  # type: ignore[misc]  # its own stream
    return {"file": file_id, **_place(facts), "state": described_file(file) if file else None}


def _place(facts: Sequence[Recorded]) -> dict[str, Any]:
    if not facts:
        return {"number": 0, "position": None, "at": None}
    last = facts[-1]
    return {"number": last.number, "position": last.position, "at": last.event.at.isoformat()}
