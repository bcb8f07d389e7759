"""What lean connections save: a bare hello and Docledger's own requests, on both kinds side by side.

The floor is the hello on stock Hypercorn, as everywhere; `--steps` adds what lies between the two.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import click

from tests.benchmarks import wrk
from tests.benchmarks.docledger import Docledger, asked, node
from tests.benchmarks.processes import Server, free_port, running
from tests.benchmarks.steps import STEPS
from tests.benchmarks.wrk import Measured

FLOOR = "hello, floor"
NOWHERE = "http://127.0.0.1:9"  # a Document Server that nobody asks here
MODULE = [sys.executable, "-m"]

Get = Callable[[int, int], Measured]  # connections, seconds


@dataclass(frozen=True, slots=True)
class Subject:
    name: str
    server: Server
    get: Get


@contextmanager
def hellos(folder: Path, steps: list[str]) -> Iterator[list[Subject]]:
    commands = {FLOOR: ["tests.benchmarks.floor"]}
    commands |= {f"hello, {step}": ["tests.benchmarks.steps", step] for step in steps}
    with ExitStack() as servers:
        subjects = []
        for name, command in commands.items():
            port = free_port()
            started = running(name, [*MODULE, *command, str(port)], folder, port=port)
            server = servers.enter_context(started)
            subjects.append(Subject(name, server, partial(wrk.get, server.url + "/")))
        yield subjects


@contextmanager
def docledgers(folder: Path) -> Iterator[list[Subject]]:
    with ExitStack() as nodes:
        subjects = []
        for kind in ("stock", "lean"):
            started = node(folder, NOWHERE, f"docledger {kind}", HTTP_CONNECTIONS=kind)
            server = nodes.enter_context(started)
            for what, url in urls(nodes.enter_context(asked(server))).items():
                subjects.append(Subject(f"{what}, {kind}", server, partial(wrk.get, url)))
        yield subjects


def urls(docledger: Docledger) -> Mapping[str, str]:
    file = docledger.upload("Plan")
    config = docledger.open(file)
    return {
        "config": f"{docledger.url}/api/onlyoffice/config/{file}",
        "file 37 KB": docledger.link(config),
    }


class Figures:
    """Of all rounds, by name and connections: multiples of the floor's rate, and microseconds of CPU."""

    def __init__(self) -> None:
        self.ratios: dict[tuple[str, int], list[float]] = defaultdict(list)
        self.cpu: dict[tuple[str, int], list[float]] = defaultdict(list)

    def round(self, subjects: list[Subject], connections: int, seconds: int) -> None:
        base = 0.0
        for subject in subjects:
            before = subject.server.cpu()
            measured = subject.get(connections, seconds)
            base = base or measured.rate  # the floor comes first
            point = subject.name, connections
            self.ratios[point].append(measured.rate / base)
            self.cpu[point].append((subject.server.cpu() - before) / measured.requests * 1e6)

    def table(self, numbers: list[int]) -> str:
        heads = "".join(f"{f'c={number}':>8}" for number in numbers)
        width = 8 * len(numbers)
        lines = [f"{'':24}{'times the floor':>{width}}   {'CPU µs/request':>{width}}"]
        lines += [f"{'':24}{heads}   {heads}"]
        for name in dict.fromkeys(name for name, _ in self.ratios):
            ratios = "".join(f"{median(self.ratios[name, number]):>8.2f}" for number in numbers)
            cpu = "".join(f"{median(self.cpu[name, number]):>8.0f}" for number in numbers)
            lines.append(f"{name:24}{ratios}   {cpu}")
        return "\n".join(lines)

    def line(self) -> str:
        medians = {f"{name} c={number}": median(all_) for (name, number), all_ in self.ratios.items()}
        return json.dumps({name: round(ratio, 3) for name, ratio in medians.items()})


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
    numbers, figures = [int(number) for number in connections.split(",")], Figures()
    with (
        tempfile.TemporaryDirectory(prefix="docledger-lean-") as name,
        hellos(Path(name), list(STEPS) if steps else ["lean"]) as bare,
        docledgers(Path(name)) as ours,
    ):
        for _ in range(rounds):
            for number in numbers:
                figures.round([*bare, *ours], number, seconds)
    click.echo(f"Medians of {rounds} rounds, {seconds} s for each load.")
    click.echo(figures.table(numbers))
    click.echo(figures.line())


if __name__ == "__main__":
    main()
