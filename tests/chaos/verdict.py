"""What must be true after everything that failed: judged from records alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf

from tests.chaos.marks import Marks

OUTSIDE = frozenset({"upload", "restore"})
BESIDE = frozenset({"conflict", "failed"})  # kept, and rightly never the head


@dataclass(frozen=True, slots=True)
class Version:
    number: int
    sha256: str  # of the bytes as they are served, whatever is said of them
    trigger: str
    head: bool
    key: str | None = None
    marks: Marks = frozenset()
    created: float = 0.0


@dataclass(frozen=True, slots=True)
class Offer:
    """One answered or failed attempt of a callback that carried bytes."""

    key: str
    status: int
    path: str
    sha256: str
    accepted: bool
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Session:
    file: str
    base: int  # the version it started from
    lost_by_contract: bool = False  # a status 3 without bytes was answered with `error` 0
    used_up: float = inf  # when its first final save was stored, and another key took its place


@dataclass(frozen=True, slots=True)
class Records:
    sessions: Mapping[str, Session]  # by key
    versions: Mapping[str, Sequence[Version]]  # by file, in the order of their numbers
    offers: Sequence[Offer] = ()
    typed: Mapping[int, str] = field(
        default_factory=dict
    )  # a mark the server took -> the key it was typed under
    uploads: Sequence[tuple[str, str]] = ()  # file and sha256 of what was uploaded and taken


@dataclass(frozen=True, slots=True)
class Verdict:
    """Everything that should be empty holds what is wrong, ready to be read."""

    acknowledged: int
    lost: Sequence[Offer]
    duplicated: Sequence[str]
    out_of_order: Sequence[str]
    behind: Sequence[str]  # acknowledged work that the head should hold and does not
    missing: Sequence[str]  # typed, taken by the server, and in no version
    uploads_lost: Sequence[str]
    recovered: int
    conflicts: int
    lost_by_contract: int
    answered_early: int  # acknowledged before they were stored, and stored all the same

    @property
    def good(self) -> bool:
        wrong = (
            self.lost,
            self.duplicated,
            self.out_of_order,
            self.behind,
            self.missing,
            self.uploads_lost,
        )
        return not any(wrong)


def judge(records: Records) -> Verdict:
    acknowledged: dict[tuple[str, int, str], Offer] = {}
    for offer in records.offers:
        if offer.accepted:
            acknowledged.setdefault((offer.key, offer.status, offer.path), offer)
    every = [version for versions in records.versions.values() for version in versions]
    return Verdict(
        acknowledged=len(acknowledged),
        lost=[offer for offer in acknowledged.values() if not _stored(records, offer)],
        duplicated=list(_duplicated(records)),
        out_of_order=list(_out_of_order(records)),
        behind=list(_behind(records)),
        missing=list(_missing(records)),
        uploads_lost=[
            f"{file}: upload {sha256[:12]}"
            for file, sha256 in records.uploads
            if sha256 not in _digests(records, file)
        ],
        recovered=sum(version.trigger == "recovered" for version in every),
        conflicts=sum(version.trigger == "conflict" for version in every),
        lost_by_contract=sum(session.lost_by_contract for session in records.sessions.values()),
        answered_early=sum(_answered_early(records, offer) for offer in acknowledged.values()),
    )


def _answered_early(records: Records, offer: Offer) -> bool:
    session = records.sessions.get(offer.key)
    versions = records.versions.get(session.file, ()) if session else ()
    stored = [version.created for version in versions if version.sha256 == offer.sha256]
    return bool(stored) and min(stored) > offer.at


def _stored(records: Records, offer: Offer) -> bool:
    session = records.sessions.get(offer.key)
    return session is not None and offer.sha256 in _digests(records, session.file)


def _digests(records: Records, file: str) -> set[str]:
    return {version.sha256 for version in records.versions.get(file, ())}


def _duplicated(records: Records) -> Iterator[str]:
    """A session's bytes twice, unless the head had become something else in between."""
    for file, versions in records.versions.items():
        seen: dict[tuple[str | None, str], int] = {}
        head = ""
        for version in versions:
            first = seen.setdefault((version.key, version.sha256), version.number)
            if version.key and first != version.number and not (version.head and head != version.sha256):
                yield f"{file}: version {version.number} of {version.key} repeats version {first}"
            head = version.sha256 if version.head else head


def _out_of_order(records: Records) -> Iterator[str]:
    """Work only grows within a session, so a later head holds all that an earlier one held."""
    for file, versions in records.versions.items():
        for key in dict.fromkeys(version.key for version in versions if version.key):
            heads = [version for version in versions if version.key == key and version.head]
            for earlier, later in pairwise(heads):
                if not earlier.marks <= later.marks:
                    yield f"{file}: version {later.number} of {key} goes back behind {earlier.number}"


def _behind(records: Records) -> Iterator[str]:
    """The head holds everything since the last upload or restore, but conflicts that have a reason."""
    for file, versions in records.versions.items():
        heads = [version for version in versions if version.head]
        if not heads:
            yield f"{file}: no head"
            continue
        replaced = max((version.number for version in heads if version.trigger in OUTSIDE), default=0)
        for version in versions:
            if version.number > replaced and version.trigger not in BESIDE:
                if not version.marks <= heads[-1].marks:
                    yield f"{file}: the head {heads[-1].number} lacks work of version {version.number}"
            elif version.trigger == "conflict" and not _explained(records, versions, version):
                yield f"{file}: version {version.number} is a conflict with nothing, and in no head"


def _explained(records: Records, versions: Sequence[Version], conflict: Version) -> bool:
    """Somebody else moved the head meanwhile, or its key was used up, or a head has all of it anyway."""
    session = records.sessions.get(conflict.key or "")
    before = [version for version in versions if version.number < conflict.number]
    moved = session is not None and any(
        version.head and version.number > session.base and version.key != conflict.key for version in before
    )
    used_up = session is not None and session.used_up < conflict.created
    return moved or used_up or any(version.head and conflict.marks <= version.marks for version in versions)


def _missing(records: Records) -> Iterator[str]:
    kept: dict[str, Marks] = {
        file: frozenset().union(*(version.marks for version in versions))
        for file, versions in records.versions.items()
    }
    for number, key in records.typed.items():
        session = records.sessions.get(key)
        if session is None:
            yield f"mark {number}: its key {key} is unknown"
        elif number not in kept.get(session.file, ()) and not session.lost_by_contract:
            yield f"mark {number} of {key} is in no version of {session.file}"
