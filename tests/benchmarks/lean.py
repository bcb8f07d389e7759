"""What lean connections save: a bare hello and Docledger's own requests, on both kinds side by side.

The floor is the hello on stock Hypercorn, as everywhere; `--steps` adds what lies between the two.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from tests.benchmarks import wrk
from tests.benchmarks.docledger import NOBODY, Docledger, asked, node
from tests.benchmarks.processes import module
from tests.benchmarks.rounds import FLOOR, Load, Point, Results, Side, getting, measure
from tests.benchmarks.steps import STEPS

HELLO, CONFIG, FILE = "hello", "config", "file 37 KB"


@contextmanager
def hellos(folder: Path, steps: Sequence[str], seconds: int) -> Iterator[tuple[Side, Sequence[Side]]]:
    """The floor, and the same on each step."""
    with ExitStack() as servers:
        floor = servers.enter_context(module("floor", folder))
        found = []
        for step in steps:
            server = servers.enter_context(module("steps", folder, step, log=step))
            found.append(Side(step, server, {HELLO: getting(f"{server.url}/", seconds)}))
        yield Side(FLOOR, floor, {FLOOR: getting(floor.url, seconds)}), found


@contextmanager
def docledgers(folder: Path, seconds: int) -> Iterator[Sequence[Side]]:
    with ExitStack() as nodes:
        found = []
        for kind in ("stock", "lean"):
            name = f"docledger, {kind}"
            server = nodes.enter_context(node(folder, NOBODY, name, HTTP_CONNECTIONS=kind))
            found.append(Side(name, server, loads(nodes.enter_context(asked(server)), seconds)))
        yield found


def loads(docledger: Docledger, seconds: int) -> Mapping[str, Load]:
    file = docledger.upload("Plan")
    link = docledger.link(docledger.open(file))
    config = f"{docledger.url}/api/onlyoffice/config/{file}"
    return {CONFIG: getting(config, seconds), FILE: getting(link, seconds)}


def table(results: Results, numbers: Sequence[int]) -> str:
    def cells(point: Point, value: Callable[[Point], float], digits: int) -> str:
        return "".join(f"{value(point._replace(connections=number)):>8.{digits}f}" for number in numbers)

    def cpu(point: Point) -> float:
        return results.usual(point, lambda cost: cost.cpu)

    heads, width = "".join(f"{f'c={number}':>8}" for number in numbers), 8 * len(numbers)
    lines = [f"{'':30}{'times the floor':>{width}}   {'CPU µs/request':>{width}}"]
    lines += [f"{'':30}{heads}   {heads}"]
    for point in dict.fromkeys(point._replace(connections=numbers[0]) for point in results.points):
        ratios = cells(point, results.times_the_floor, 2)
        lines.append(f"{named(point):30}{ratios}   {cells(point, cpu, 0)}")
    return "\n".join(lines)


def named(point: Point) -> str:
    return f"{point.side}: {point.case}"


@click.command()
@click.option("--rounds", default=5, show_default=True)
@click.option("--seconds", default=1, show_default=True, help="For each load.")
@click.option("--connections", default="1,16,64", show_default=True)
@click.option("--steps/--no-steps", help="What lies between stock and lean, too.")
def main(rounds: int, seconds: int, connections: str, steps: bool) -> None:
    if not wrk.installed():
        click.echo("wrk is not installed (Debian: apt install wrk), so nothing was measured.")
        click.echo("{}")
        return
    numbers, results = [int(number) for number in connections.split(",")], Results()
    with (
        tempfile.TemporaryDirectory(prefix="docledger-lean-") as name,
        hellos(Path(name), list(STEPS) if steps else ["lean"], seconds) as (floor, bare),
        docledgers(Path(name), seconds) as ours,
    ):
        plan = dict.fromkeys((HELLO, CONFIG, FILE), numbers)
        for _ in range(rounds):
            measure(floor, [*bare, *ours], plan, results)
    click.echo(f"Medians of {rounds} rounds, {seconds} s for each load.")
    click.echo(table(results, numbers))
    for point, why in results.failures.items():
        click.echo(f"{named(point)} failed, and counts in no round: {why}")
    times = {point: results.times_the_floor(point) for point in results.points}
    ratios = {f"{named(point)} c={point.connections}": round(ratio, 3) for point, ratio in times.items()}
    click.echo(json.dumps(ratios))


if __name__ == "__main__":
    main()
