"""How many callbacks a second one, two and three nodes take: `python -m tests.benchmarks.spread`.

Beside the nodes on PostgreSQL: one process on SQLite, and the floor, a bare hello on the same server. Nodes
share a folder of blobs and stand behind HAProxy, so that a document's callbacks come to any of them, as they
do in real life. Status 1 changes who is there; status 6 is downloaded, checked, made durable and recorded
before it is answered; every acknowledged one is looked for in the log at the end.

All of it shares the cores of one machine, the load as well. So the rate says what this machine can do, and
the CPU of each part for one callback says what is to be had of others: that is what to reckon with.
"""

from __future__ import annotations

import json
import os
import resource
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import click

from tests.benchmarks import machine, wrk
from tests.benchmarks.balancer import balancer
from tests.benchmarks.cases import Edited
from tests.benchmarks.docledger import Docledger, asked, node
from tests.benchmarks.processes import Server, module
from tests.benchmarks.stores import postgres
from tests.benchmarks.wrk import LoadFailed, Measured
from tests.ports import free_port

LOADS = ("status1", "status6")
FLOOR, SQLITE = "floor", "1 process, SQLite"

Meter = Callable[[], float]  # seconds of CPU so far


@dataclass(frozen=True)
class Setup:
    """What is asked, and what it consists of."""

    nodes: Sequence[Server]
    edited: Edited
    meters: Mapping[str, Meter]

    def settle(self) -> None:
        for each in self.nodes:
            each.settle()


class Results:
    def __init__(self) -> None:
        self._rates: dict[tuple[str, str], list[Mapping[str, float]]] = defaultdict(list)

    def note(
        self, setup: str, load: str, measured: Measured, floor: float, spent: Mapping[str, float]
    ) -> None:
        busy = sum(spent.values()) / measured.seconds / (os.cpu_count() or 1)
        figures = {"per_s": measured.rate, "times_floor": measured.rate / floor, "busy": busy}
        cpu = {f"{part}_us": 1e6 * seconds / measured.requests for part, seconds in spent.items()}
        self._rates[setup, load].append(figures | cpu)

    @property
    def figures(self) -> dict[str, dict[str, dict[str, float]]]:
        """Medians, by load and setup."""
        told: dict[str, dict[str, dict[str, float]]] = defaultdict(dict)
        for (setup, load), rounds in self._rates.items():
            told[load][setup] = {name: _rounded(median(each[name] for each in rounds)) for name in rounds[0]}
        return told


def _rounded(value: float) -> float:
    return round(value) if value >= 10 else round(value, 2)


@contextmanager
def cluster(
    folder: Path, document_server: Server, nodes: int, database: str | None = None
) -> Iterator[tuple[Docledger, Sequence[Server], Server]]:
    """Nodes, behind HAProxy even if there is one only."""
    folder.mkdir()
    port = free_port()
    common = {
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "BLOB_URL": f"file://{folder}/blobs",
        "SECRET": "a secret of all nodes, which is long enough",
        "CHECKPOINT_KEY": str(folder / "checkpoint.key"),
        **({"DATABASE_URL": database} if database else {}),
    }
    with ExitStack() as stack:
        servers = [
            stack.enter_context(node(folder, document_server.url, f"node{number}", **common))
            for number in range(1, nodes + 1)
        ]
        proxy = stack.enter_context(balancer(folder, port, [server.url for server in servers]))
        yield stack.enter_context(asked(proxy)), servers, proxy


def loading() -> float:
    """wrk is a child that is gone when it has measured."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def setups(
    folder: Path, nodes: Sequence[int], connections: int, seconds: int
) -> Iterator[tuple[Server, Mapping[str, Setup]]]:
    """The floor, and all that is compared with it."""
    with ExitStack() as stack:
        start, found = stack.enter_context, {}
        floor, document_server = (start(module(name, folder)) for name in ("floor", "document_server"))
        database = start(postgres())
        for number in (0, *nodes):
            name = f"{number} node{'s' * (number > 1)}, PostgreSQL" if number else SQLITE
            url = database.create_database() if number else None
            place = folder / f"with{number}"
            ours, servers, proxy = start(cluster(place, document_server, number or 1, url))
            meters: dict[str, Meter] = {
                "docledger": partial(_all, servers),
                "postgres": partial(machine.cpu_of_all, database.process.pid),
                "haproxy": proxy.cpu,
                "document_server": document_server.cpu,
                "load": loading,
            }
            edited = Edited(ours, document_server.url, place, connections, seconds)
            found[name] = Setup(servers, edited, meters)
        yield floor, found


def _all(servers: Sequence[Server]) -> float:
    return sum(server.cpu() for server in servers)


def measure(
    floor: Server, compared: Mapping[str, Setup], connections: int, seconds: int, results: Results
) -> None:
    """One round."""
    before = floor.cpu(), loading()
    base = wrk.get(floor.url, connections, seconds)
    spent = {"floor": floor.cpu() - before[0], "load": loading() - before[1]}
    results.note(FLOOR, FLOOR, base, base.rate, spent)
    for name, setup in compared.items():
        for load in LOADS:
            begun = {part: used() for part, used in setup.meters.items()}
            measured = setup.edited.loads[load](connections, base.rate)
            used = {part: meter() - begun[part] for part, meter in setup.meters.items()}
            results.note(name, load, measured, base.rate, used)
            setup.settle()


def run(folder: Path, nodes: Sequence[int], rounds: int, seconds: int, connections: int) -> Results:
    results = Results()
    with setups(folder, nodes, connections, seconds) as (floor, compared):
        for _ in range(rounds):
            measure(floor, compared, connections, seconds, results)
        for setup in compared.values():
            setup.edited.check()
    return results


@click.command()
@click.option("--nodes", default="1,2,3", show_default=True, help="In each case.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--seconds", default=3, show_default=True, help="For each load.")
@click.option("--connections", default=32, show_default=True, help="Each with a document of its own.")
def main(nodes: str, rounds: int, seconds: int, connections: int) -> None:
    if not wrk.installed():
        raise click.ClickException("No wrk here (Debian: apt install wrk).")
    numbers = [int(number) for number in nodes.split(",")]
    with tempfile.TemporaryDirectory(prefix="docledger-spread-") as name:
        try:
            results = run(Path(name), numbers, rounds, seconds, connections)
        except LoadFailed as failure:
            raise click.ClickException(str(failure)) from failure
        told = machine.described(Path(name))
    click.echo(f"{machine.said(told)}; medians of {rounds} rounds, {seconds} s for each load;")
    click.echo(f"{connections} connections. `busy` is the part of all cores that what is listed here used,")
    click.echo("and then microseconds of CPU for one callback:")
    for load, found in results.figures.items():
        columns = [column.removesuffix("_us").replace("_", " ") for column in next(iter(found.values()))]
        machine.rows([load, *columns], [[setup, *figures.values()] for setup, figures in found.items()])
    click.echo(json.dumps({"machine": told, "connections": connections, **results.figures}))


if __name__ == "__main__":
    main()
