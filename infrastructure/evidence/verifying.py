"""The whole log checked: its file, its checkpoints, each fact, and the tables made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from infrastructure.evidence.beyond import missing
from infrastructure.evidence.checking import Check
from infrastructure.evidence.exhibits import Exhibit
from infrastructure.evidence.findings import Finding, Kind, Report
from infrastructure.evidence.inspecting import CannotCheck, Damaged, Inspection
from infrastructure.evidence.opening import inspection_of
from infrastructure.evidence.vouching import Vouchers
from infrastructure.journal.checkpoints import Place

MANY = 10_000  # findings; nobody would read more
OFTEN = 500  # facts between two words on the progress

Progress = Callable[[int, int], None]  # how far we are, and how far there is to go


def silently(position: int, last: int) -> None:
    pass


def verify(
    place: Path | str,
    keys: Sequence[Ed25519PublicKey],
    anchors: Mapping[int, str] = MappingProxyType({}),
    progress: Progress = silently,
) -> Report:
    """`anchors` are positions and hashes of checkpoints that were kept elsewhere. Raises CannotCheck."""
    return judged(inspection_of(place), Verification(keys, anchors, progress))


def judged(inspection: AbstractContextManager[Inspection], verification: Verification) -> Report:
    """Raises CannotCheck."""
    try:
        with inspection as log:
            verification.run(log)
    except Damaged as trouble:
        verification.report.findings.append(Finding(Kind.DAMAGED, str(trouble)))
    except Enough:
        verification.report.given_up = True
    return verification.report


class Verification:
    def __init__(
        self, keys: Sequence[Ed25519PublicKey], anchors: Mapping[int, str], progress: Progress
    ) -> None:
        self.report = Report()
        self._keys = keys
        self._anchors = anchors
        self._progress = progress

    def run(self, log: Inspection) -> None:
        """Raises CannotCheck, Damaged, Enough."""
        if not self._keys and next(log.checkpoints(), None):
            raise CannotCheck("there are checkpoints, but no key to check them with: name its --public-key")
        self._file(log)
        named = self._facts(log)
        self._read_models(log, named)

    def _file(self, log: Inspection) -> None:
        for flaw in self._asked(log.flaws):
            self._found(Finding(Kind.DAMAGED, flaw))
        for stream, number, position in self._asked(log.twice):
            self._found(Finding(Kind.INSERTED, "two facts have this number", stream, number, position))

    def _facts(self, log: Inspection) -> set[tuple[Any, Any]]:
        given, check = log.given(), Check(log)
        last = max(log.last(), given)
        vouchers = Vouchers(self._checkpoints(log), self._keys, self._anchors, self._found)
        expected = 1
        for position, row, place in side_by_side(log.exhibits(last), vouchers.places()):
            covered = vouchers.cover(position)
            self._gap(expected, position, vouchers)
            expected = max(expected, position + 1)
            self._count(row, position, last, covered=covered)
            for finding in check.judge(row, place, covered=covered):
                self._found(finding)
        self._gap(expected, given + 1, vouchers)
        if self._keys and not vouchers.trusted and self.report.facts:
            self._found(Finding(Kind.CHECKPOINT, "there is a key, but no checkpoint that it vouches for"))
        report = self.report
        report.checkpoints, report.last_covered = vouchers.trusted, vouchers.last
        report.last, report.redacted = expected - 1, check.redacted
        return check.named

    def _read_models(self, log: Inspection, named: set[tuple[Any, Any]]) -> None:
        """They are written in the facts' own transactions: who takes a last fact away must know of them."""
        for stream, version, last in self._asked(log.behind):
            known, there = (value if isinstance(value, int) else 0 for value in (version, last))
            number = min(known, there) + 1
            if (stream, number) in named:
                continue
            kind = Kind.REMOVED if known > there else Kind.READ_MODEL
            detail = f"its row speaks of {known} facts, and there are {there}"
            self._found(Finding(kind, detail, stream, number))

    def _asked(self, question: Callable[[], list[Any]]) -> list[Any]:
        """Damage ends a question, not the whole check."""
        try:
            return question()
        except Damaged as trouble:
            self._found(Finding(Kind.DAMAGED, str(trouble)))
            return []

    def _checkpoints(self, log: Inspection) -> Iterator[tuple[int, Any, Any]]:
        try:
            yield from log.checkpoints()
        except Damaged as trouble:
            self._found(Finding(Kind.CHECKPOINT, f"the rest cannot be read: {trouble}"))

    def _gap(self, start: int, end: int, vouchers: Vouchers) -> None:
        if start < end and not vouchers.cover(start):
            self._found(missing(start, end))

    def _count(self, row: Exhibit | None, position: int, last: int, *, covered: bool) -> None:
        if row is not None and row.damage is None:
            self.report.facts += 1
            self.report.covered += covered
            if self.report.facts % OFTEN == 0:
                self._progress(position, last)

    def _found(self, finding: Finding) -> None:
        self.report.findings.append(finding)
        if len(self.report.findings) >= MANY:
            raise Enough


class Enough(Exception):
    """More is wrong than anybody would read."""


def side_by_side(
    rows: Iterable[Exhibit], places: Iterable[Place]
) -> Iterator[tuple[int, Exhibit | None, Place | None]]:
    """For each position, what is there, and what should be."""
    rows, places = iter(rows), iter(places)
    row, place = next(rows, None), next(places, None)
    while True:
        if row is not None and (place is None or row.position < place.position):
            yield row.position, row, None
            row = next(rows, None)
        elif place is not None and (row is None or place.position < row.position):
            yield place.position, None, place
            place = next(places, None)
        elif row is not None:
            yield row.position, row, place
            row, place = next(rows, None), next(places, None)
        else:
            return
