"""What requests cost as the work grows: `python -m tests.benchmarks.scale [--folder FOLDER]`.

First with 10^2, 10^4 and 10^6 files, then with logs of ever more facts. The services of all sizes run at the
same time and are asked in turn, round by round. Told are the rate as a multiple of that of the smallest, and
the CPU of a request; the answers are of the same size everywhere, so whatever grows is the price of finding
them. In FOLDER the databases are kept, and the next run takes them as they are.
"""

from __future__ import annotations

import json
import math
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from infrastructure.journal.queries import LAST
from tests.benchmarks import biglog, machine, wrk
from tests.benchmarks.cases import Edited
from tests.benchmarks.docledger import NOBODY, docledger
from tests.benchmarks.multiplying import multiply
from tests.benchmarks.processes import module
from tests.benchmarks.rounds import FLOOR, Point, Results, Side, getting, measure
from tests.benchmarks.tables import table
from tests.benchmarks.wrk import LoadFailed

FEW = 100  # files, of which the others are copies
LOG = 5000  # documents of the smallest log
PAGE = 50  # files
VOUCHING = 3600.0  # seconds at most for a log to be signed
LISTS = f"/api/files?limit={PAGE}"

Told = Mapping[str, Mapping[str, float]]
Paths = Callable[[sqlite3.Connection, Path], Mapping[str, str]]


def of_files(database: sqlite3.Connection, _: Path) -> Mapping[str, str]:
    """What is asked of the services with files; the deep page is the last."""
    (deep,) = database.execute("SELECT id FROM files ORDER BY id LIMIT 1 OFFSET ?", (PAGE,)).fetchone()
    return {
        "config": f"/api/onlyoffice/config/{deep}",
        "files, first page": LISTS,
        "files, last page": f"{LISTS}&before={deep}",
        "page of all files": "/",
        "page of a file": f"/files/{deep}",
        "versions": f"/api/files/{deep}/versions",
        "open documents": "/api/documents",
        "status": "/api/status",
    }


def of_facts(_: sqlite3.Connection, data: Path) -> Mapping[str, str]:
    log = biglog.Landmarks(**json.loads((data / "biglog.json").read_text()))
    return {
        "audit of a file": f"/api/files/{log.usual}/events",
        "audit of a hot file": f"/api/files/{log.hot[0]}/events",
        "audit of a session": f"/api/documents/{log.long}/events?limit=100",
        "audit of all": "/api/audit",
        "audit of all, deep": "/api/audit?before=5000",
        "audit of a person": f"/api/audit?user={log.busy}",
        "audit of a type": "/api/audit?type=Saved",
    }


def few_files(data: Path) -> int:
    """The smallest folder of files; how many facts there are."""
    with docledger(data.parent, NOBODY) as service:
        for number in range(FEW):
            service.upload(f"Plan {number}")
    return FEW


def few_facts(data: Path) -> int:
    data.mkdir()
    return biglog.made(data, LOG).facts


def sized(folder: Path, first: Callable[[Path], int], sizes: Sequence[int]) -> Iterator[Path]:
    """A folder with the data of each size, the smallest first; the others are copies of that."""
    smallest = folder / "smallest"
    if not smallest.exists():
        smallest.mkdir()
        (smallest / "count").write_text(str(first(smallest / "data")))
    count = int((smallest / "count").read_text())
    for size in sizes:
        times = max(1, round(size / count))
        place = folder / f"times{times}"
        if not (place / "made").exists():
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(smallest, place)
            multiply(place / "data" / "docledger.db", times)
            vouch(place)
            (place / "made").touch()
        yield place


def vouch(place: Path) -> None:
    """Have the service sign all of it: it would do so while it is measured."""
    with closing(sqlite3.connect(place / "data" / "docledger.db")) as database:
        (last,) = database.execute(LAST).fetchone()
        until = time.monotonic() + VOUCHING
        with docledger(place, NOBODY), click.progressbar(length=last, label="signing") as bar:
            while bar.pos < last and time.monotonic() < until:
                time.sleep(0.2)
                (covered,) = database.execute("SELECT max(position) FROM checkpoints").fetchone()
                bar.update((covered or 0) - bar.pos)


@dataclass(frozen=True, slots=True)
class Wishes:
    rounds: int
    seconds: int  # for each load
    connections: int


@dataclass(frozen=True, slots=True)
class Working:
    """A service on the data of one size, and how many seconds it took until it answered."""

    side: Side
    edited: Edited
    started: float


@contextmanager
def working(kept: Path, size: str, server: str, paths: Paths, wishes: Wishes) -> Iterator[Working]:
    """It has a copy, so that what is kept stays as it is."""
    with tempfile.TemporaryDirectory(prefix="docledger-scale-", dir=kept.parent) as name:
        folder = Path(name)
        shutil.copytree(kept / "data", folder / "data")
        with closing(sqlite3.connect(folder / "data" / "docledger.db")) as database:
            found = paths(database, folder / "data")
        begun = time.monotonic()
        with docledger(folder, server) as service:
            started = time.monotonic() - begun
            edited = Edited(service, server, folder, wishes.connections, wishes.seconds)
            loads = {name: getting(service.url + path, wishes.seconds) for name, path in found.items()}
            callbacks = {name: edited.loads[name] for name in ("status1", "status6")}
            yield Working(Side(size, service.server, {**loads, **callbacks}), edited, started)


def run(
    folder: Path, first: Callable[[Path], int], paths: Paths, sizes: Sequence[int], wishes: Wishes
) -> Told:
    """Raises LoadFailed."""
    results = Results()
    kept = [*sized(folder, first, sizes)]
    with ExitStack() as stack:
        floor = stack.enter_context(module("floor", folder))
        server = stack.enter_context(module("document_server", folder)).url
        found = [
            stack.enter_context(working(place, str(size), server, paths, wishes))
            for size, place in zip(sizes, kept, strict=True)
        ]
        sides = [each.side for each in found]
        base = Side(FLOOR, floor, {FLOOR: getting(floor.url, wishes.seconds)})
        plan = {case: [wishes.connections] for case in sides[0].loads}
        for _ in range(wishes.rounds):
            measure(base, sides, plan, results)
        for each in found:
            each.edited.check()
    for point, why in results.failures.items():
        click.echo(f"{point.case} with {point.side} failed, and counts in no round: {why}")
    started = {f"{size}_s": round(each.started, 2) for size, each in zip(sizes, found, strict=True)}
    return {"start": started, **told(results, sizes, wishes.connections)}


def told(results: Results, sizes: Sequence[int], connections: int) -> Told:
    """By case: the CPU with each size, and how many times as long as with the smallest it took."""
    cases = [*dict.fromkeys(point.case for point in results.points if point.side != FLOOR)]
    found: dict[str, dict[str, float]] = {}
    for case in cases:
        smallest = Point(str(sizes[0]), case, connections)
        found[case] = {}
        for size in sizes:
            point = smallest._replace(side=str(size))
            if not math.isnan(times := results.times(smallest, point)):
                found[case][f"{size}_cpu_us"] = round(results.usual(point, lambda cost: cost.cpu))
                found[case][f"{size}_times"] = round(times, 2)
    return found


def show(found: Told, sizes: Sequence[int], of: str) -> None:
    heads = [f"{f'{size:,}'.replace(',', ' ')}, CPU µs" for size in sizes]
    rows = []
    for case, values in found.items():
        if case != "start":
            cpu = (f"{values.get(f'{size}_cpu_us', '')}" for size in sizes)
            times = ", ".join(f"{values.get(f'{size}_times', '')}" for size in sizes[1:])
            rows.append([case, *cpu, times])
    seconds = (f"{found['start'][f'{size}_s']:g} s" for size in sizes)
    rows.append(["start, until the first answer", *seconds, ""])
    click.echo(table([of, *heads, "times as long"], rows))


@click.command()
@click.option("--files", default="100,10000,1000000", show_default=True)
@click.option("--facts", default="50000,1000000", show_default=True, help="Add 10000000 for a long while.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--seconds", default=1, show_default=True, help="For each load.")
@click.option("--connections", default=16, show_default=True)
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path))
def main(files: str, facts: str, rounds: int, seconds: int, connections: int, folder: Path | None) -> None:
    if not wrk.installed():
        raise click.ClickException("No wrk here (Debian: apt install wrk).")
    wishes, results = Wishes(rounds, seconds, connections), dict[str, Told]()
    with ExitStack() as stack:
        place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="docledger-scale-")))
        for of, text, first, paths in (
            ("files", files, few_files, of_files),
            ("facts", facts, few_facts, of_facts),
        ):
            if sizes := [int(size) for size in text.split(",") if size]:
                (place / of).mkdir(parents=True, exist_ok=True)
                try:
                    found = run(place / of, first, paths, sizes, wishes)
                except LoadFailed as failure:
                    raise click.ClickException(str(failure)) from failure
                show(found, sizes, of)
                results[of] = found
        click.echo(json.dumps({"machine": machine.described(place), **results}))


if __name__ == "__main__":
    main()
