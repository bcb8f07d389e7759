"""Checkpoints: signed lists of what stands where in the log, each with the hash of the one before it.

Whoever can write to the database can recompute its chains and remove what they like, but cannot sign.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from infrastructure.journal.ledger import Views

MOST = 10_000  # facts in one checkpoint
PAGE = 500  # facts read at once
LONGEST = 64 * 1024 * 1024  # bytes of its text
LAST = """SELECT position, body FROM checkpoints  -- none that claims more than there is
    WHERE position <= (SELECT max(position) FROM stored_events) ORDER BY position DESC LIMIT 1"""
PLACES = """SELECT position, originator_id, originator_version, link FROM stored_events
    WHERE position > ? ORDER BY position LIMIT ?"""
INSERT = "INSERT INTO checkpoints VALUES (?, ?, ?)"

Sign = Callable[[bytes], bytes]

_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class Place:
    """Which fact stands at a position, and its link, which covers what it says."""

    position: int
    stream: str
    number: int
    link: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything in the log beyond `after`, up to `to`."""

    after: int
    to: int
    at: str
    previous: str | None  # the hash of the checkpoint before
    places: Sequence[Place]


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint as it is kept."""

    to: int
    full: bool  # there may be more to cover
    hash: str
    body: bytes
    signature: bytes


def parsed(text: bytes) -> Checkpoint:
    """Raises KeyError, TypeError, ValueError."""
    plain = json.loads(text)
    places = [
        Place(int(position), str(stream), int(number), bytes.fromhex(link))
        for position, stream, number, link in plain["facts"]
    ]
    return Checkpoint(int(plain["after"]), int(plain["to"]), str(plain["at"]), plain["previous"], places)


def unpacked(body: bytes) -> bytes:
    """Raises ValueError."""
    try:
        inflating = zlib.decompressobj()
        text = inflating.decompress(body, LONGEST)
    except (zlib.error, TypeError) as trouble:
        raise ValueError(f"it cannot be unpacked: {trouble}") from trouble
    if not inflating.eof or inflating.unused_data:
        raise ValueError("it cannot be unpacked: it is cut off, or goes on after its end")
    return text


def signed(views: Views, sign: Sign, at: datetime) -> Signed | None:
    """None when nothing has been recorded since the last one."""
    last = views.query(LAST, (), tuple)
    after, previous = (last[0][0], _hash(last[0][1])) if last else (0, None)
    to, facts = _facts(views, after)
    if not facts:
        return None
    text = (
        f'{{"after":{after},"at":"{at.isoformat()}","facts":[{",".join(facts)}],'
        f'"previous":{_json(previous)},"to":{to}}}'
    ).encode()
    return Signed(to, len(facts) == MOST, sha256(text).hexdigest(), zlib.compress(text), sign(text))


def keep(views: Views, signed: Signed) -> None:
    views.note(lambda cursor: cursor.execute(INSERT, (signed.to, signed.body, signed.signature)))


def _facts(views: Views, after: int) -> tuple[int, list[str]]:
    """As texts, a few at a time: thousands of objects at once would call the garbage collector."""
    facts: list[str] = []
    while len(facts) < MOST:
        page = views.query(PLACES, (after, min(PAGE, MOST - len(facts))), _fact)
        if not page:
            break
        after = page[-1][0]
        facts += [text for _, text in page]
    return after, facts


def _fact(row: Any) -> tuple[int, str]:
    position, stream, number, link = row
    return position, _json([position, stream, number, link.hex()])


def _hash(body: bytes) -> str:
    """Also of one that was damaged: the log goes on, and whoever checks it is told."""
    try:
        return sha256(unpacked(body)).hexdigest()
    except ValueError:
        return sha256(b"%b" % body).hexdigest()
