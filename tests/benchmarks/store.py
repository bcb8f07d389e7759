"""What the log itself takes, in SQLite and in PostgreSQL: `python -m tests.benchmarks.store`.

Writers append one fact each, wait until it is durable, and append the next, as callbacks do; whatever waits
while a transaction is synced goes into the next one together (group commit). Rows are the two that an
editor's configuration is made of, read one after the other and by 16 at once; SQLite's are read on the event
loop and never wait. Engines take turns.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median

import click
import trio

from infrastructure.journal import LedgerJournal
from infrastructure.journal.databases import ledger_at
from tests.benchmarks import machine
from tests.benchmarks.sessions import Session, recorded
from tests.benchmarks.stores import ENGINES, stores

READERS = (1, 16)

Once = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Rate:
    """What was done in a while, and how long each took."""

    seconds: float
    took: list[float]

    @property
    def figures(self) -> dict[str, float]:
        spread = machine.spread(self.took, 1000)
        return {
            "per_s": round(len(self.took) / self.seconds),
            "p50_ms": spread["p50"],
            "p99_ms": spread["p99"],
        }


async def repeatedly(seconds: float, doings: list[Once]) -> Rate:
    """Each of them over and over, all at the same time."""
    took: list[float] = []
    begun = time.perf_counter()

    async def repeat(once: Once) -> None:
        while (began := time.perf_counter()) < begun + seconds:
            await once()
            took.append(time.perf_counter() - began)

    async with trio.open_nursery() as nursery:
        for once in doings:
            nursery.start_soon(repeat, once)
    return Rate(time.perf_counter() - begun, took)


@dataclass
class Writer:
    """Somebody comes to a document, goes, comes again: one fact each time."""

    journal: LedgerJournal
    session: Session

    async def once(self) -> None:
        user, document = self.session.user, self.session.document
        there = document is not None and user in document.users
        self.session.present("guest", *[user] * (not there))
        await self.journal.append(*self.session.changes)
        self.session.changes.clear()


async def read(journal: LedgerJournal, session: Session) -> None:
    assert await journal.file(session.file)
    assert await journal.document(session.key)


async def measure(
    place: Path | str, sessions: list[Session], writers: list[int], seconds: float
) -> dict[str, Rate]:
    """All that there is to measure, once."""
    async with LedgerJournal.open(place) as journal:
        rates = {}
        for number in writers:
            writing = [Writer(journal, session).once for session in sessions[:number]]
            rates[f"append by {number}"] = await repeatedly(seconds, [*writing])
        for number in READERS:
            reading = [partial(read, journal, session) for session in sessions[:number]]
            rates[f"two rows by {number}"] = await repeatedly(seconds, [*reading])
    return rates


def begun(place: Path | str, count: int) -> list[Session]:
    """Documents in which there is a guest as well, so that nobody's coming is a fact of its own."""
    now = datetime.now(UTC)
    with closing(ledger_at(place)) as ledger:
        return [session for batch in recorded(ledger, _sessions(now, count)) for session in batch]


def _sessions(now: datetime, count: int) -> Iterator[Session]:
    for number in range(count):
        session = Session(f"writer {number}", now)
        session.present(session.user, "guest")
        yield session


def run(
    folder: Path, engines: tuple[str, ...], writers: list[int], seconds: float, rounds: int
) -> dict[str, dict[str, dict[str, float]]]:
    """Medians, by engine and case."""
    rates: dict[str, list[dict[str, Rate]]] = {engine: [] for engine in engines}
    with stores(folder, engines) as places:
        sessions = {engine: begun(place, max(*writers, *READERS)) for engine, place in places.items()}
        for _ in range(rounds):
            for engine, place in places.items():
                rates[engine].append(trio.run(measure, place, sessions[engine], writers, seconds))
    return {
        engine: {case: _median([each[case].figures for each in taken]) for case in taken[0]}
        for engine, taken in rates.items()
    }


def _median(figures: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(median(each[name] for each in figures), 3) for name in figures[0]}


@click.command()
@click.option("--engine", "engines", type=click.Choice(ENGINES), multiple=True, default=ENGINES)
@click.option("--writers", default="1,20,200", show_default=True, help="At once, in each case.")
@click.option("--seconds", default=4.0, show_default=True, help="For each case, in each round.")
@click.option("--rounds", default=3, show_default=True)
def main(engines: tuple[str, ...], writers: str, seconds: float, rounds: int) -> None:
    numbers = [int(number) for number in writers.split(",")]
    with tempfile.TemporaryDirectory(prefix="docledger-store-") as name:
        results = run(Path(name), engines, numbers, seconds, rounds)
        told = machine.described(Path(name))
    click.echo(f"{machine.said(told)}; medians of {rounds} rounds, {seconds:g} s for each case.")
    lines = [
        [f"{case}, {engine}", *figures.values()]
        for engine, cases in results.items()
        for case, figures in cases.items()
    ]
    machine.rows(["", "a second", "p50 ms", "p99 ms"], lines)
    click.echo(json.dumps({"machine": told, **results}))


if __name__ == "__main__":
    main()
