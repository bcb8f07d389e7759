"""Logs that are taken elsewhere, and looked at there."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import trio

from infrastructure.depots import Depot
from infrastructure.evidence import verify
from infrastructure.journal import LedgerJournal
from infrastructure.migrating import tables
from infrastructure.migrating.migration import Outcome, Plan, migrate
from infrastructure.migrating.tables import Part
from tests.databases import Place, rows
from tests.infrastructure.ledgers import KEY
from tests.infrastructure.test_erasing import record


class Silent:
    @contextmanager
    def stage(self, label: str, length: int) -> Iterator[Callable[[int], object]]:
        yield lambda _: None


def moved(
    source: Place,
    target: Place | None,
    places: list[Depot] | None = None,
    depot: Depot | None = None,
    **how: Any,
) -> Outcome:
    keys = [KEY.public_key()] if rows(source, "SELECT 1 FROM checkpoints") else []
    return migrate(Plan(source, places or [], target, depot, keys, **how), Silent())


def moved_beside(source: Path, target: Place, **how: Any) -> Outcome:
    """While others have it open, so that nothing is finished."""

    with closing(sqlite3.connect(source)) as other:
        other.execute("SELECT count(*) FROM stored_events").fetchone()
        return moved(source, target, **how)


def same(one: Place, other: Place) -> None:
    """Every fact, and every row made of them."""
    assert rows(one, "SELECT count(*) FROM stored_events")[0][0]
    for table in tables.ALL:
        everything = Part(table).ordered
        assert [*map(tuple, rows(one, everything))] == [*map(tuple, rows(other, everything))], table.name


def whole(place: Place, *, signed: bool = False) -> None:
    assert verify(place, [KEY.public_key()] if signed else []).findings == []


def grow(place: Path, *names: str) -> None:
    """A session of a new file for each name."""

    async def write() -> None:
        async with LedgerJournal.open(place) as journal:
            for name in names:
                await record(journal, name)

    trio.run(write)
