"""A migration: all copied that is not there yet, compared, proven, and made ready to be used. Blocking."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from infrastructure.depots import Depot
from infrastructure.evidence import missing, verify, verify_beyond
from infrastructure.migrating import copying, parts
from infrastructure.migrating.blobs import Moving
from infrastructure.migrating.comparing import compared
from infrastructure.migrating.copies import Copy, copy_at
from infrastructure.migrating.logs import Log, held, is_left_alone, opened
from infrastructure.migrating.stages import Shown
from infrastructure.migrating.tables import Part

DIGESTS = ("sha256", "changes_sha256", "forms_sha256")


@dataclass(frozen=True, slots=True)
class Plan:
    source: Path | str
    places: Sequence[Depot]  # where its bytes may be
    database: Path | str | None  # to which, if at all
    depot: Depot | None
    keys: Sequence[Ed25519PublicKey]  # that may have signed its checkpoints
    anew: bool = False  # nothing is believed that earlier runs have found
    as_it_is: bool = False  # with whatever is wrong with the source itself


@dataclass(slots=True)
class Findings:
    differing: list[str] = field(default_factory=list)  # the copy from its source
    inherited: list[str] = field(default_factory=list)  # of the source itself

    def __iadd__(self, others: Findings) -> Findings:
        self.differing += others.differing
        self.inherited += others.inherited
        return self


@dataclass(frozen=True, slots=True)
class Outcome:
    last: int  # position in the log
    events: int  # copied now
    blobs: int
    blob_bytes: int
    findings: Findings
    blessed: bool  # nothing is wrong with it, or all that is was to be accepted
    finished: bool  # and nobody can have recorded anything since


def migrate(plan: Plan, shown: Shown) -> Outcome:
    """What was copied when it raises need not be copied again.

    Raises CannotCopy, CannotCheck, CannotRead, StorageFailed, OSError, sqlite3.Error, psycopg.Error.
    """
    with ExitStack() as stack:
        source = stack.enter_context(held(plan.source))
        copy = stack.enter_context(copy_at(plan.database)) if plan.database else None
        moving = Moving(plan.places, plan.depot) if plan.depot else None
        events, found = 0, Findings()
        if copy:
            events = copy_log(source, copy, shown, known=0 if plan.anew else None)
        if moving:
            found += copy_bytes(source, moving, shown, read_back=plan.anew)
        if copy:
            found += examine(source, copy, plan.keys, shown)
        blessed = not found.differing and (plan.as_it_is or not found.inherited)
        finished = blessed and is_left_alone(source)
        if copy and blessed:
            with copy.transaction():
                copy.note(source.last())
        if copy and finished:
            copy.release()
        bytes_ = (moving.copied, moving.copied_bytes) if moving else (0, 0)
        return Outcome(source.last(), events, *bytes_, found, blessed, finished)


def copy_log(source: Log, copy: Copy, shown: Shown, *, known: int | None = None) -> int:
    """How many events. `known` is the position up to which it is the same; else earlier runs have noted it.

    Raises CannotCopy.
    """
    copying.refuse_others(source, copy)
    copy.mark()
    if known is not None:
        with copy.transaction():
            copy.forget()
            copy.note(known)
    beyond, count = copy.proven(), source.last() - copy.last()
    with shown.stage("Copying events", count) as done:
        copying.copy_events(source, copy, done)
    with shown.stage("Copying tables", _rows_of(source, parts.others(source, beyond))) as done:
        copying.copy_named(source, copy)
        copying.copy_others(source, copy, beyond, done)
    return count


def examine(source: Log, copy: Copy, keys: Sequence[Ed25519PublicKey], shown: Shown) -> Findings:
    """All of it, or what is beyond what an earlier run has proven. Raises CannotCheck."""
    beyond, last = copy.proven(), source.last()
    found = Findings()
    length = _rows_of(source, parts.facts(source, beyond))
    with copy.opened() as there, shown.stage("Comparing", length) as done:
        found.differing += compared(source, there, beyond, done)
    with shown.stage("Proving", last - beyond) as done:
        found.inherited += _proven(copy.place, beyond, keys, done)
    if (given := source.given()) > last and (
        lost := str(missing(last + 1, given + 1))
    ) not in found.inherited:
        found.inherited.append(lost)
    return found


def copy_bytes(source: Log, moving: Moving, shown: Shown, *, read_back: bool) -> Findings:
    """Raises StorageFailed, OSError."""
    moving.copy(shown)
    lacking = moving.lacking(referenced(source))
    if lacking and not source.alone:
        with opened(source.place) as now:  # old versions may have been thinned out meanwhile
            lacking &= referenced(now)
    lost = [f"The bytes {sha256} are damaged or missing." for sha256 in sorted(lacking)]
    return Findings([*moving.read_back(shown)] if read_back else [], lost)


def referenced(log: Log) -> set[str]:
    """What the versions consist of."""
    every = (log.rows(f"SELECT DISTINCT {name} FROM versions WHERE {name} IS NOT NULL") for name in DIGESTS)  # noqa: S608
    return {sha256 for column in every for (sha256,) in column}


def _proven(
    place: Path | str, beyond: int, keys: Sequence[Ed25519PublicKey], done: Callable[[int], object]
) -> list[str]:
    if beyond:
        return [str(finding) for finding in verify_beyond(place, beyond, done)]
    at = 0

    def progress(position: int, _: int) -> None:
        nonlocal at
        done(position - at)
        at = position

    return [str(finding) for finding in verify(place, keys, progress=progress).findings]


def _rows_of(log: Log, some: Iterable[Part]) -> int:
    return sum(next(log.rows(part.count, part.parameters))[0] for part in some)
