"""Starts everything, measures in interleaved rounds, prints a table and, last, one line of JSON."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import median

import click

from tests.benchmarks import wrk
from tests.benchmarks.cases import Cases
from tests.benchmarks.docledger import docledger
from tests.benchmarks.machine import fsync_seconds
from tests.benchmarks.processes import Server, free_port, running
from tests.benchmarks.wrk import LoadFailed, Measured

FLOOR = "floor"
Point = tuple[str, int]  # a case, at a number of connections


class Results:
    """Of all rounds: each case's rate as a multiple of the floor's in the same round, and its CPU."""

    def __init__(self) -> None:
        self._ratios: dict[Point, list[float]] = defaultdict(list)
        self._cpu: dict[Point, list[float]] = defaultdict(list)

    @property
    def rounds(self) -> int:
        return min(map(len, self._ratios.values()))

    def note(self, point: Point, measured: Measured, cpu: float, floor: Measured) -> None:
        self._ratios[point].append(measured.rate / floor.rate)
        self._cpu[point].append(cpu / measured.requests * 1e6)

    @property
    def ratios(self) -> Mapping[Point, float]:
        return {point: median(values) for point, values in self._ratios.items()}

    @property
    def cpu(self) -> Mapping[Point, float]:
        """Microseconds per request."""
        return {point: median(values) for point, values in self._cpu.items()}


def costing(server: Server, load: Callable[[], Measured]) -> tuple[Measured, float]:
    """What a load achieved, and the seconds of CPU that the server spent on it."""
    before = server.cpu()
    measured = load()
    return measured, server.cpu() - before


def measure(
    floor: Server, ours: Server, cases: Cases, connections: int, seconds: int, results: Results
) -> None:
    """One round at one number of connections, the floor first."""
    base, spent = costing(floor, partial(wrk.get, floor.url, connections, seconds))
    results.note((FLOOR, connections), base, spent, base)
    for name, load in cases.at(connections):
        measured, spent = costing(ours, partial(load, connections, base.rate))
        results.note((name, connections), measured, spent, base)
        ours.settle()


def run(folder: Path, rounds: int, seconds: int, connections: list[int], budget: float) -> Results:
    until = time.monotonic() + budget
    results, floor_port, server_port = Results(), free_port(), free_port()
    module = [sys.executable, "-m"]
    with (
        running(
            "floor", [*module, "tests.benchmarks.floor", str(floor_port)], folder, port=floor_port
        ) as floor,
        running(
            "document-server",
            [*module, "tests.benchmarks.document_server", str(server_port)],
            folder,
            port=server_port,
        ) as document_server,
        docledger(folder, document_server.url) as ours,
    ):
        cases = Cases(ours, document_server.url, folder, max(connections), seconds)
        for _ in range(rounds):
            begun = time.monotonic()
            for number in connections:
                measure(floor, ours.server, cases, number, seconds, results)
            now = time.monotonic()
            if now + (now - begun) > until:
                break
        cases.check()
    return results


def table(results: Results, connections: list[int]) -> str:
    width = 8 * len(connections)
    heads = "".join(f"{f'c={number}':>8}" for number in connections)
    lines = [
        f"{'':22}{'times the floor':>{width}}   {'CPU µs/request':>{width}}",
        f"{'':22}{heads}   {heads}",
    ]
    for case in dict.fromkeys(name for name, _ in results.ratios):
        ratios = "".join(cell(results.ratios, (case, number), ".2f") for number in connections)
        cpu = "".join(cell(results.cpu, (case, number), ".0f") for number in connections)
        lines += [f"{case:22}{ratios}   {cpu}"]
    return "\n".join(lines)


def cell(values: Mapping[Point, float], point: Point, how: str) -> str:
    return f"{format(values[point], how) if point in values else '':>8}"


@click.command()
@click.option("--rounds", default=3, show_default=True)
@click.option("--seconds", default=1, show_default=True, help="For each load.")
@click.option("--connections", default="1,16,64", show_default=True)
@click.option(
    "--budget", default=90, show_default=True, help="Seconds: no round begins that would end later."
)
def main(rounds: int, seconds: int, connections: str, budget: int) -> None:
    if not wrk.installed():
        click.echo("wrk is not installed (Debian: apt install wrk), so nothing was measured.")
        click.echo("{}")
        return
    numbers = [int(number) for number in connections.split(",")]
    with tempfile.TemporaryDirectory(prefix="docledger-bench-") as name:
        folder = Path(name)
        synced = fsync_seconds(folder)
        try:
            results = run(folder, rounds, seconds, numbers, budget)
        except LoadFailed as failure:
            raise click.ClickException(str(failure)) from failure
    click.echo(f"Python {platform.python_version()}, {os.cpu_count()} cores, fsync {1000 * synced:.2f} ms;")
    click.echo(f"medians of {results.rounds} rounds, {seconds} s for each load.")
    click.echo(table(results, numbers))
    ratios = {f"{case}_c{number}": round(ratio, 3) for (case, number), ratio in results.ratios.items()}
    click.echo(json.dumps({name: ratio for name, ratio in ratios.items() if not name.startswith(FLOOR)}))


if __name__ == "__main__":
    main()
