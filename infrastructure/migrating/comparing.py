"""Two logs compared row by row. Blocking."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from infrastructure.migrating import parts
from infrastructure.migrating.logs import CannotCopy, Log, Row
from infrastructure.migrating.tables import ADDED_TO, Part

OFTEN = 2000  # rows between two words on the progress

Progress = Callable[[int], object]  # so many rows more are done
Difference = tuple[Row | None, Row | None]  # as the copy has it, and as it should be


def differences(part: Part, source: Log, copy: Log, done: Progress = lambda _: None) -> Iterator[Difference]:
    ours, theirs = source.rows(part.ordered, part.parameters), copy.rows(part.ordered, part.parameters)
    if part.table not in ADDED_TO:
        ours = map(without_nul, ours)
    keys = len(part.table.key)
    new, old = next(ours, None), next(theirs, None)
    seen = 0
    while new is not None or old is not None:
        if new == old:
            new, old = next(ours, None), next(theirs, None)
        elif old is None or (new is not None and _is_before(new[:keys], old[:keys])):
            yield None, new
            new = next(ours, None)
        elif new is None or _is_before(old[:keys], new[:keys]):
            yield old, None
            old = next(theirs, None)
        else:
            yield old, new
            new, old = next(ours, None), next(theirs, None)
        seen += 1
        if seen % OFTEN == 0:
            done(OFTEN)
    done(seen % OFTEN)


def compared(source: Log, copy: Log, beyond: int, done: Progress) -> Iterator[str]:
    """What is not the same of the facts beyond a position, as a sentence each."""
    for part in parts.facts(source, beyond):
        for old, new in differences(part, source, copy, done):
            key = ", ".join(str(value) for value in (old or new or ())[: len(part.table.key)])
            told = "lacks it" if old is None else "has it alone" if new is None else "has another"
            yield f"{part.table.name} {key}: the copy {told}."
    if source.given() != copy.given():
        yield f"The last position given is {source.given()}, and {copy.given()} in the copy."


def _is_before(one: Row, other: Row) -> bool:
    """Raises CannotCopy."""
    try:
        return one < other
    except TypeError as trouble:
        raise CannotCopy(
            f"{one} is no key for a row: `docledger verify` says what is wrong with the source."
        ) from trouble


def without_nul(row: Row) -> Row:
    """PostgreSQL keeps none in its texts; as `dialect.Text` has them."""
    if any(type(value) is str and "\0" in value for value in row):
        return tuple(value.replace("\0", "\ufffd") if isinstance(value, str) else value for value in row)
    return row
