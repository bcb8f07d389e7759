"""Is each fact what it was when it was recorded?

A fact that a checkpoint covers is judged by the links in checkpoints alone, so that what was changed is
told from what merely follows it; the others by the links that stand beside them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from infrastructure.evidence.exhibits import Exhibit, flaw, is_left, links
from infrastructure.evidence.findings import Finding, Kind, shown
from infrastructure.journal import seals
from infrastructure.journal.checkpoints import Place


class Log(Protocol):
    """What is asked of the store where a fact is suspected, or redacted."""

    def link(self, stream: str, number: int) -> Any: ...

    def neighbour(self, stream: str, number: int) -> tuple[int, int]:
        """Number and position of the stream's last fact before that number; zeros if there is none."""
        ...

    def redactions(self, stream: str, after: int) -> Sequence[bytes]:
        """The texts of the stream's Redacted facts beyond that number."""
        ...


class Check:
    def __init__(self, log: Log) -> None:
        self._log = log
        # Of suspects: what their link was, if a checkpoint says so, and what it may have been made to be.
        self._links: dict[tuple[str, int], tuple[bytes, ...]] = {}
        self._files: dict[str, str] = {}  # of streams whose first fact has another file beside it
        self.named: set[tuple[Any, Any]] = set()  # streams and numbers found so far
        self.redacted = 0

    def judge(self, row: Exhibit | None, place: Place | None, *, covered: bool) -> Iterator[Finding]:
        """Rows and places must come in the order of their positions."""
        for finding in self._judge(row, place, covered=covered):
            self.named.add((finding.stream, finding.number))
            if place is not None:
                self._suspect(place, row)
            yield finding

    def _judge(self, row: Exhibit | None, place: Place | None, *, covered: bool) -> Iterator[Finding]:
        if row is None or row.damage is not None:
            yield _absent(row, place)
        elif place is not None:
            yield from self._against(row, place)
        elif covered or row.position < 1:
            yield _found(Kind.INSERTED, row, "it was not there when its position was signed for")
        elif (row.stream, row.number) in self._links:
            yield _found(Kind.INSERTED, row, "it has taken the place of another fact")
        else:
            yield from self._alone(row)

    def _against(self, row: Exhibit, place: Place) -> Iterator[Finding]:
        stream, number = place.stream, place.number
        moved = (row.stream, row.number) != (stream, number)
        befores = self._befores(stream, number, self._log.link(stream, number - 1) if moved else row.before)
        fits = not befores or place.link in links(row, befores[:1], stream, number)
        if moved:
            also = "" if fits else ", and what it says was changed"
            detail = f"it stands there as fact {shown(row.number)} of {shown(row.stream)}{also}"
            yield Finding(Kind.REORDERED, detail, stream, number, place.position)
        elif not fits:
            yield _found(Kind.CHANGED, row, "what it says does not fit its signed link")
        elif row.link != place.link and (stream, number - 1) not in self._links:
            yield _found(Kind.CHANGED, row, "another link stands beside it")
        else:
            if row.link != place.link:  # it was made to follow from what was done to the one before
                self._suspect(place, row)
            yield from self._text(row)

    def _suspect(self, place: Place, row: Exhibit | None) -> None:
        self._links[place.stream, place.number] = (place.link, *_bytes(row and row.link))

    def _alone(self, row: Exhibit) -> Iterator[Finding]:
        if not isinstance(row.stream, str) or not isinstance(row.number, int) or row.number < 1:
            yield _found(Kind.UNDECODABLE, row, "this is no place in any stream")
            return
        befores = self._befores(row.stream, row.number, row.before)
        fitting = links(row, befores, row.stream, row.number)
        if not befores:
            yield from self._after_a_hole(row)
        elif row.link not in fitting:
            self._links[row.stream, row.number] = (*fitting, *_bytes(row.link))
            yield _found(Kind.CHANGED, row, "what it says does not fit its link")
        elif row.before_position is not None and row.before_position > row.position:
            yield _found(Kind.REORDERED, row, "it stands before the fact that it follows")
        else:
            yield from self._text(row)

    def _after_a_hole(self, row: Exhibit) -> Iterator[Finding]:
        number, position = self._log.neighbour(row.stream, row.number)
        if position > row.position:
            yield _found(Kind.REORDERED, row, f"it stands before fact {number} of its stream")
        elif (row.stream, number + 1) not in self.named:
            rest = f", and all up to fact {row.number - 1}" if number + 2 < row.number else ""
            yield Finding(Kind.REMOVED, f"it is missing{rest}", row.stream, number + 1)

    def _text(self, row: Exhibit) -> Iterator[Finding]:
        if row.salt is None:
            self.redacted += 1
            if not is_left(row, self._log.redactions(row.stream, row.number)):
                yield _found(
                    Kind.REDACTED, row, "what is left of it is sealed by no later fact of its stream"
                )
                return
        if trouble := flaw(row, self._files.get(row.stream, row.opening_file)):
            if trouble.file is not None:
                self._files[row.stream] = trouble.file
            yield _found(Kind.CHANGED if trouble.readable else Kind.UNDECODABLE, row, trouble.detail)

    def _befores(self, stream: str, number: int, stored: Any) -> tuple[bytes, ...]:
        """The links that the fact before it may have; none when it is missing."""
        if number == 1:
            return (seals.START,)
        return self._links.get((stream, number - 1)) or _bytes(stored)


def _absent(row: Exhibit | None, place: Place | None) -> Finding:
    kind, detail = (Kind.DAMAGED, str(row.damage)) if row else (Kind.REMOVED, "it is missing")
    if place is None:
        return Finding(kind, detail, position=row.position if row else None)
    return Finding(kind, detail, place.stream, place.number, place.position)


def _found(kind: Kind, row: Exhibit, detail: str) -> Finding:
    return Finding(kind, detail, row.stream, row.number, row.position)


def _bytes(link: Any) -> tuple[bytes, ...]:
    return (link,) if isinstance(link, bytes) else ()
