"""What others are told of the log: a few kinds of events, each with what it takes to act on it.

The kinds and their fields are a contract (docs/webhooks.md): they are added to, and otherwise stay.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from application.journal import Query, Recorded
from application.plain import to_plain
from application.telling import told
from domain import events
from domain.words import Next, Trigger

SAVED, CONFLICT = "document.saved", "document.conflict"
FAILED, CLOSED = "document.failed", "document.closed"
PING = "docledger.ping"

TELLING = Query(types=("VersionAdded", "Errored", "Closed"))  # the facts that may be announced
NEEDS_SOMEBODY = frozenset({Next.GIVE_UP, Next.QUARANTINE, Next.CLOSE, Next.REOPEN})


@dataclass(frozen=True, slots=True)
class Message:
    """The same event has the same id whenever it is told, and no other event has it."""

    id: str
    body: bytes


def kind_of(fact: events.Event) -> str | None:
    """None for what nobody is told."""
    match fact:
        case events.VersionAdded(trigger=Trigger.CONFLICT):
            return CONFLICT
        case events.VersionAdded():
            return SAVED
        case events.Errored(next=next_) if next_ in NEEDS_SOMEBODY:
            return FAILED
        case events.Closed():
            return CLOSED
    return None


def users_of(fact: events.Event) -> Collection[str]:
    """Whose names the message says."""
    return fact.users if isinstance(fact, events.VersionAdded) else ()


def message_of(recorded: Recorded, kind: str, file_name: str, names: Mapping[str, str]) -> Message:
    """`names` are those that the log has now, lest somebody is named who was taken out of it."""
    fact = recorded.event
    stream, _, id_ = recorded.stream.partition("/")
    data = {
        "position": recorded.position,
        "file": recorded.file,
        "file_name": file_name,
        "key": id_ if stream == "document" else getattr(fact, "key", None),
        **_said(fact, names),
        "text": told(fact, names),
    }
    return Message(_id(recorded), body_of(kind, to_plain(fact.at), data))


def body_of(kind: str, timestamp: str, data: Mapping[str, Any]) -> bytes:
    plain = {"type": kind, "timestamp": timestamp, "data": data}
    return json.dumps(plain, separators=(",", ":"), ensure_ascii=False).encode()


def _said(fact: events.Event, names: Mapping[str, str]) -> Mapping[str, Any]:
    match fact:
        case events.VersionAdded():
            return {
                "version": fact.number,
                "head": fact.head,
                "trigger": fact.trigger,
                "origin": fact.origin,
                "restored": fact.restored,
                "sha256": fact.sha256,
                "size": fact.size,
                "filetype": fact.filetype,
                "converted_from": fact.converted_from,
                "from_file": fact.from_file,
                "form_data": fact.forms_sha256 is not None,
                "users": _people(fact.users, names),
            }
        case events.Errored():
            return {"source": fact.source, "next": fact.next, "attempt": fact.attempt, "sha256": fact.sha256}
        case events.Closed():
            return {"reason": fact.reason}
    raise ValueError(f"nobody is told of {type(fact).__name__}")


def _people(users: Sequence[str], names: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"id": user, "name": names.get(user, "")} for user in users]


def _id(recorded: Recorded) -> str:
    """A position alone is not enough: a restored log gives those beyond its end to other facts."""
    place = f"{recorded.stream}\n{recorded.number}\n{to_plain(recorded.event.at)}"
    return f"evt_{recorded.position}_{sha256(place.encode()).hexdigest()[:12]}"
