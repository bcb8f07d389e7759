"""The plan of faults: what fails when, and for how long, all of it computed from the seed beforehand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from itertools import chain, cycle, islice
from random import Random
from typing import Any

QUIET = 3.0  # seconds before the first fault and after the last
PACE = (3.0, 7.0)  # seconds from one kill to the next
WORD_EVERY = 5  # each so many-th document is a docx, the others are txt
FORGOTTEN = 4  # so many failed attempts at a final save make the server give it up

ALWAYS = "always"


class Kind(StrEnum):
    KILL = "kill docledger"
    KILL_SERVER = "kill server"
    CONTROL = "server"  # a fault of the stand-in's own
    BLOBS = "blobs"  # the blob store takes no writes
    JOURNAL = "journal"  # the event store is locked
    UPLOAD = "upload"
    RESTORE = "restore"
    PAUSE = "pause"  # this and all that follow are for several nodes
    CUT = "cut"  # a node from the database
    DATABASE = "database"
    OBJECTS = "objects"  # the object store
    COUNTERS = "counters"  # Redis


OF_ONE_NODE = tuple(Kind)[:7]


class After(StrEnum):
    """What a kill waits for, so that it strikes in the middle of a save."""

    NOTHING = ""
    OFFER = "offer"  # recorded by Docledger, not yet fetched
    ANSWER = "answer"  # just answered


@dataclass(frozen=True, slots=True)
class Fault:
    at: float  # seconds from the start
    kind: Kind
    seconds: float = 0.0  # how long it lasts, or until the killed one is started again
    document: int | None = None
    after: After = After.NOTHING
    which: float = 0.0  # of a document's versions, the oldest at 0, the newest towards 1
    node: int | None = None  # all of them, if none is named
    how: str = ""  # an engine dies
    control: Mapping[str, Any] = field(default_factory=dict)  # words of the stand-in's control endpoint

    def __str__(self) -> str:
        told = self.control
        words = [self.kind.value]
        words += [f"{told['where']} {told['kind']}"] if told else []
        words += [f"×{told['times']}"] if "times" in told else []
        words += [f"of status {' or '.join(map(str, told['statuses']))}"] if "statuses" in told else []
        words += [f"node {self.node}"] if self.node is not None else []
        words += [self.how] if self.how else []
        words += [f"after an {self.after}"] if self.after else []
        words += [f"at document {self.document}"] if self.document is not None else []
        seconds = self.seconds or told.get("seconds")
        return " ".join(words) + (f", {seconds:.1f} s" if seconds else "")


Span = tuple[float, float]
Shape = tuple[str, str, Mapping[str, Any]]

SAVES: Mapping[str, Any] = {"statuses": [2, 6]}
FINALS: Mapping[str, Any] = {"statuses": [2], "times": FORGOTTEN}

EVERYWHERE: Sequence[Shape] = (
    ("callback", "delay", {"times": 3}),
    ("callback", "delay", SAVES),
    ("callback", "lost", {"times": 3}),
    ("callback", "lost", SAVES),
    ("callback", "cut", SAVES),
    ("callback", "deaf", SAVES),
    ("callback", "deaf", {"statuses": [2], "times": 2}),
    ("callback", "duplicate", SAVES),
    ("callback", "reorder", SAVES),
    ("download", "refuse", {"times": 3}),
    ("download", "cut", {"times": 3}),
    ("download", "error", {"times": 3}),
    ("download", "stall", {"times": 2}),
    ("download", "delay", {"times": 3}),
    ("command", "delay", {"times": 2}),
    ("command", "error", {"times": 3}),
    ("command", "refuse", {"times": 3}),
    ("assembly", "fail", {}),
    ("assembly", "corrupt", {}),
)
OF_ONE_DOCUMENT: Sequence[Shape] = (  # every attempt at its final save fails, so that it is forgotten
    ("callback", "lost", FINALS),
    ("callback", "deaf", FINALS),
    ("callback", "cut", FINALS),
)
GONE: Shape = ("download", "gone", {"times": 3})  # with `always` it would be a loss by contract
GARBAGE: Shape = ("download", "garbage", {})  # in a txt any words are a document, so only for a docx


def filetype(document: int) -> str:
    return "docx" if document % WORD_EVERY == 0 else "txt"


def plan(seed: int, kills: int, documents: int, policy: str) -> list[Fault]:
    """In the order of their moments; the same arguments give the same plan."""
    chance = Random(f"{seed} faults")
    struck = [_kill(chance, at) for at in _paced(chance, kills)]
    end = struck[-1].at + QUIET if struck else 4 * QUIET
    faults = [
        *struck,
        *_server_kills(chance, max(1, kills // 5), end),
        *_around(chance, struck, Kind.BLOBS, every=6, ahead=(1.0, 5.0), seconds=(3.0, 8.0)),
        *_around(chance, struck, Kind.JOURNAL, every=8, ahead=(5.0, 8.0), seconds=(8.0, 12.0)),
        *_control(chance, kills, documents, end, gone=policy != ALWAYS),
        *_garbage(chance, kills, documents, end),
        *_outside(chance, kills, documents, end),
    ]
    return sorted(faults, key=lambda fault: fault.at)


def as_json(faults: Sequence[Fault]) -> str:
    return "[\n" + ",\n".join(json.dumps(asdict(fault)) for fault in faults) + "\n]\n"


def _paced(chance: Random, kills: int) -> Iterator[float]:
    at = QUIET
    for _ in range(kills):
        at += chance.uniform(*PACE)
        yield at


def spread(chance: Random, count: int, end: float) -> Iterator[float]:
    """A moment in each of `count` equal parts of the time."""
    part = (end - QUIET) / count
    return (QUIET + part * (index + 0.6 * chance.random()) for index in range(count))


def _kill(chance: Random, at: float) -> Fault:
    return Fault(at, Kind.KILL, chance.uniform(0.1, 2.0), after=chance.choice(list(After)))


def _server_kills(chance: Random, count: int, end: float) -> Iterator[Fault]:
    for at in spread(chance, count, end):
        yield Fault(at, Kind.KILL_SERVER, chance.uniform(0.1, 2.0))


def _around(
    chance: Random, kills: Sequence[Fault], kind: Kind, *, every: int, ahead: Span, seconds: Span
) -> Iterator[Fault]:
    """A failure that begins some time `ahead` of a kill, so that it is at its worst when that comes."""
    for first in range(0, len(kills), every):
        block = kills[first : first + every]
        struck = block[min(chance.randrange(1, every - 2), len(block) - 1)]
        yield Fault(max(0.5, struck.at - chance.uniform(*ahead)), kind, chance.uniform(*seconds))


def _control(chance: Random, kills: int, documents: int, end: float, *, gone: bool) -> Iterator[Fault]:
    """Each shape in turn, in an order of this seed's own."""
    shapes = [(shape, False) for shape in (*EVERYWHERE, *([GONE] if gone else []))]
    shapes += [(shape, True) for shape in OF_ONE_DOCUMENT]
    chance.shuffle(shapes)
    count = max(len(shapes), 2 * kills)
    for at, (shape, single) in zip(spread(chance, count, end), cycle(shapes), strict=False):
        yield _told(chance, at, shape, chance.randrange(documents) if single else None)


def _garbage(chance: Random, kills: int, documents: int, end: float) -> Iterator[Fault]:
    """At most once per document, so that the second fetch is good."""
    of_words = range(0, documents, WORD_EVERY)
    struck = chance.sample(of_words, min(len(of_words), 2 + kills // 10))
    for at, document in zip(spread(chance, len(struck), end), struck, strict=True):
        yield _told(chance, at, GARBAGE, document)


def _told(chance: Random, at: float, shape: Shape, document: int | None) -> Fault:
    where, kind, more = shape
    words = {"where": where, "kind": kind, "seconds": round(chance.uniform(0.5, 4.0), 1), **more}
    return Fault(at, Kind.CONTROL, document=document, control=words)


def _outside(chance: Random, kills: int, documents: int, end: float) -> Iterator[Fault]:
    count = max(2, kills // 3)
    kinds = islice(chain.from_iterable(zip(cycle([Kind.UPLOAD]), cycle([Kind.RESTORE]), strict=False)), count)
    for at, kind in zip(spread(chance, count, end), kinds, strict=True):
        yield Fault(at, kind, document=chance.randrange(documents), which=chance.random())
