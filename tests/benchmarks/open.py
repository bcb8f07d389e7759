"""How many open documents one process carries: `python -m tests.benchmarks.open`.

So many documents are open in the log, each with an editor in it (or a part of them; of the others the server
keeps changes that nobody edits). `docledger serve` is started on that log, with a Document Server that
answers at once and counts. Told for each number of documents:

- until the service answers, until all are looked after, until each was auto-saved once, until each was asked
  about once (fifty a second are), in seconds from the start of the process;
- memory for each document, beyond that of a service without any;
- and then, for a while: how late the event loop is, how long people wait for an editor's configuration, how
  many commands go out, how long the pause between two auto-saves of a document is (it should be 30 seconds,
  AUTOSAVE_SECONDS), and the CPU of all parts, in cores.

With --profile nothing but the profile of that while is worth anything; it goes to the file named.
"""

from __future__ import annotations

import json
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import click
import httpx
import trio

from tests.benchmarks import lagging, machine
from tests.benchmarks.docledger import node
from tests.benchmarks.processes import Server, running
from tests.benchmarks.sessions import Seeded, keep_content, seeded
from tests.benchmarks.stores import ENGINES, POSTGRES, SQLITE, postgres
from tests.ports import free_port

AUTOSAVE = 30.0  # seconds
AGO = timedelta(minutes=10)  # since they were opened: nobody is on the way to them any more
TOKEN = "whoever reads the metrics"
CONFIG_EVERY = 0.05  # seconds
ASKED_FOR = 50  # of the documents, one after the other
LOOK = 0.5  # seconds
LONGEST = 60.0  # seconds for one answer
PROFILE = 600.0  # seconds until one must have been written


@dataclass(frozen=True)
class Wishes:
    engine: str
    documents: int
    edited: float  # the part of them
    seconds: float
    settle: float  # seconds at most until each has been asked about
    profile: Path | None


@dataclass(frozen=True)
class Parts:
    """All that runs."""

    service: Server
    server: Server
    database: int | None  # the pid of PostgreSQL
    looks: Path
    http: httpx.Client
    begun: float

    @property
    def seconds(self) -> float:
        """Since the service was started."""
        return round(time.monotonic() - self.begun, 1)

    def cpu(self) -> dict[str, float]:
        told = {"docledger": self.service.cpu(), "server": self.server.cpu()}
        return told | ({"postgres": machine.cpu_of_all(self.database)} if self.database else {})

    def tally(self) -> dict[str, Any]:
        return dict(self.http.get(f"{self.server.url}/tally").raise_for_status().json())

    def open(self) -> int:
        """How many documents are looked after; 0 while there is no answer."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        try:
            answer = self.http.get(f"{self.service.url}/metrics", headers=headers).raise_for_status()
        except httpx.TransportError:
            return 0
        found = re.search(r"^docledger_open_documents (\S+)$", answer.text, re.MULTILINE)
        return int(float(found[1])) if found else 0


@contextmanager
def running_on(folder: Path, place: Path | str, log: Seeded, database: int | None) -> Iterator[Parts]:
    port, server_port, looks, people = free_port(), free_port(), folder / "looks", folder / "people.json"
    people.write_text(json.dumps(log.people))
    callback = f"http://127.0.0.1:{port}/api/onlyoffice/callback"
    tallying = [sys.executable, "-m", "tests.benchmarks.tallying", str(server_port), str(people), callback]
    settings = {"AUTOSAVE_SECONDS": str(AUTOSAVE), "METRICS_TOKEN": TOKEN, "LOG_LEVEL": "warning"}
    settings |= {"DATABASE_URL": place} if isinstance(place, str) else {}
    with (
        running("server", tallying, folder, port=server_port, answers="/tally") as server,
        httpx.Client(trust_env=False, timeout=LONGEST) as http,
    ):
        begun, watched = time.monotonic(), lagging.command(looks)
        with node(folder, server.url, command=watched, port=port, **settings) as service:
            yield Parts(service, server, database, looks, http, begun)


def run(folder: Path, wishes: Wishes) -> dict[str, Any]:
    with ExitStack() as stack:
        database = stack.enter_context(postgres()) if wishes.engine == POSTGRES else None
        place = database.create_database() if database else folder / "data" / "docledger.db"
        log = seeded(place, wishes.documents, wishes.edited, datetime.now(UTC) - AGO)
        trio.run(keep_content, folder / "data" / "blobs")
        pid = database.process.pid if database else None
        parts = stack.enter_context(running_on(folder, place, log, pid))
        answers = parts.seconds
        taken_up = _taken_up(parts, wishes, log.edited)
        return {"answers_s": answers, **taken_up, **_meanwhile(parts, wishes, log.files[:ASKED_FOR])}


def _taken_up(parts: Parts, wishes: Wishes, edited: int) -> dict[str, float | None]:
    """When all of them were looked after; None for what has not happened in time."""
    conditions: Mapping[str, Callable[[], bool]] = {
        "open_s": lambda: parts.open() == wishes.documents,
        "autosaved_s": lambda: parts.tally()["autosaved"] >= edited,
        "asked_s": lambda: parts.tally()["informed"] >= wishes.documents,
    }
    times: dict[str, float | None] = dict.fromkeys(conditions)
    for name, condition in conditions.items():
        while times[name] is None and parts.seconds < wishes.settle:
            if condition():
                times[name] = parts.seconds
            else:
                time.sleep(LOOK)
    return times


def _meanwhile(parts: Parts, wishes: Wishes, files: Sequence[tuple[str, str]]) -> dict[str, Any]:
    for file, person in files:
        _config(parts, file, person)  # the first admission of each is a fact, and a sync
    parts.tally()
    since, before = time.time(), parts.cpu()
    with _profiled(parts, wishes.profile):
        waits = list(_configs(parts, wishes.seconds, files))
        seconds = time.time() - since
    used = {part: round((cpu - before[part]) / seconds, 3) for part, cpu in parts.cpu().items()}
    tally, looks = parts.tally(), lagging.read(parts.looks, since)
    late = (look.seconds for look in looks if look.kind == lagging.LATE)
    collected = (look.seconds for look in looks if look.kind == lagging.COLLECTED)
    return {
        "memory_kb": parts.service.memory(),
        "lag_ms": machine.spread(late, 1000, 1),
        "collected_ms": machine.spread(collected, 1000, 1),
        "config_ms": machine.spread(waits, 1000, 1),
        "commands_per_s": {name: round(number / seconds, 1) for name, number in tally["commands"].items()},
        "pauses_s": tally["pauses"],
        "cores": used,
    }


@contextmanager
def _profiled(parts: Parts, path: Path | None) -> Iterator[None]:
    if path is None:
        yield
        return
    made, until = Path(f"{parts.looks}.profile"), time.monotonic() + PROFILE
    parts.service.send(signal.SIGUSR1)
    yield
    parts.service.send(signal.SIGUSR1)
    while not made.exists() and time.monotonic() < until:
        time.sleep(LOOK)
    path.write_text(made.read_text())


def _configs(parts: Parts, seconds: float, files: Sequence[tuple[str, str]]) -> Iterator[float]:
    """How long each took, for so long."""
    until, asked = time.monotonic() + seconds, cycle(files)
    while (began := time.monotonic()) < until:
        if files:
            yield _config(parts, *next(asked))
        time.sleep(max(0.0, began + CONFIG_EVERY - time.monotonic()))


def _config(parts: Parts, file: str, person: str) -> float:
    """How long it took; one without an answer counts as long as it was waited for."""
    began = time.monotonic()
    with suppress(httpx.TransportError):
        url = f"{parts.service.url}/api/onlyoffice/config/{file}"
        parts.http.get(url, params={"as": person}).raise_for_status()
    return time.monotonic() - began


def told(wishes: Wishes, figures: Mapping[str, Any], empty: int) -> dict[str, Any]:
    each = (figures["memory_kb"] - empty) / wishes.documents if wishes.documents else 0.0
    return {"documents": wishes.documents, "edited": wishes.edited, "kb_each": round(each, 1), **figures}


def show(point: Mapping[str, Any]) -> None:
    for name, value in point.items():
        shown = value
        if isinstance(value, Mapping):
            shown = ", ".join(f"{what} {number:g}" for what, number in value.items())
        click.echo(f"    {name.replace('_', ' ')}: {shown}")


@click.command()
@click.option("--engine", "engines", type=click.Choice(ENGINES), multiple=True, default=(SQLITE,))
@click.option("--documents", default="1000,10000", show_default=True, help="In each case.")
@click.option("--edited", default="1", show_default=True, help="The part of them, in each case.")
@click.option("--seconds", default=20.0, show_default=True, help="For each case, once all are looked after.")
@click.option("--settle", default=60.0, show_default=True, help="Seconds at most until that.")
@click.option("--profile", type=click.Path(dir_okay=False, path_type=Path))
def main(
    engines: Sequence[str], documents: str, edited: str, seconds: float, settle: float, profile: Path | None
) -> None:
    results: dict[str, list[dict[str, Any]]] = {engine: [] for engine in engines}
    cases = [(0, 1.0), *((int(n), float(part)) for n in documents.split(",") for part in edited.split(","))]
    described: dict[str, Any] = {}
    for engine in engines:
        for number, part in cases:
            wishes = Wishes(engine, number, part, seconds if number else 5.0, settle, profile)
            with tempfile.TemporaryDirectory(prefix="docledger-open-") as name:
                figures = run(Path(name), wishes)
                described = machine.described(Path(name))
            empty = results[engine][0]["memory_kb"] if results[engine] else figures["memory_kb"]
            results[engine].append(told(wishes, figures, empty))
            click.echo(f"{engine}, load average {described['load']}:")
            show(results[engine][-1])
    click.echo(json.dumps({"machine": described, "autosave_seconds": AUTOSAVE, **results}))


if __name__ == "__main__":
    main()
