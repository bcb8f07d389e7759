"""What reading a log of a million facts takes: pages, nasty filters, exports, and starting on it.

    python -m tests.benchmarks.audit FOLDER [--documents 100000]

The log is made in FOLDER/data, once; the next run takes it as it is.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import NamedTuple

import click
import httpx

from tests.benchmarks import machine
from tests.benchmarks.biglog import Landmarks, made
from tests.benchmarks.processes import Server, running
from tests.ports import free_port

TIMES = 15  # each page is asked for
DAY = timedelta(days=1)


class Page(NamedTuple):
    first: float  # ms; with a reading to be recorded
    usual: float
    worst: float
    events: int


class Taken(NamedTuple):
    facts: int
    seconds: float
    grown: float  # MB that the service's memory grew by
    waited: float  # ms that another reader waited meanwhile, at worst
    bytes: int


def pages(log: Landmarks) -> Mapping[str, str]:
    """What is asked, by what is nasty about it."""
    early = datetime.fromisoformat(log.early)
    past = f"from={early - DAY:%Y-%m-%dT%H:%MZ}&to={early:%Y-%m-%dT%H:%MZ}"
    last = datetime.fromisoformat(log.last)
    lately = f"from={last - DAY:%Y-%m-%dT%H:%MZ}&to={last:%Y-%m-%dT%H:%MZ}"
    file, hot, session = (
        f"/api/{path}/events?"
        for path in (f"files/{log.usual}", f"files/{log.hot[0]}", f"documents/{log.long}")
    )
    whole = "/api/audit?"
    return {
        "a usual file": file,
        "a hot file": hot,
        "a hot file, deep": f"{hot}before=30000",
        "a hot file, from its beginning": f"{hot}after=0",
        "a session of thousands of saves": session,
        "the same, deep": f"{session}after={log.facts // 2 + 5000}",
        "the whole log": whole,
        "the whole log, deep": f"{whole}before=5000",
        "a page of 500": f"{whole}limit=500",
        "one file of the whole log": f"{whole}file={log.usual}",
        "one session": f"{whole}key={log.long}",
        "whom nearly every session names": f"{whole}user={log.busy}",
        "the same one, deep": f"{whole}user={log.busy}&before=5000",
        "by name, with namesakes": f"{whole}user={log.busy_name.replace(' ', '+')}",
        "by a name that nobody has": f"{whole}user=Nobody",
        "a rare type": f"{whole}type=Reinstated",
        "a usual type": f"{whole}type=Saved",
        "four types": f"{whole}type=Saved,Forcesaved,Errored,Reinstated",
        "a day far in the past": f"{whole}{past}",
        "the last day": f"{whole}{lately}",
        "a rare type, far in the past": f"{whole}type=Reinstated&{past}",
        "a rare type, where there is none": f"{whole}type=Reinstated&{lately}",
        "a hot file, whom it hardly knows": f"/api/files/{log.quiet}/events?user={log.busy}",
        "the busy one, a type that he never is in": f"{whole}user={log.busy}&type=Reinstated",
        "the busy one, a usual type without names": f"{whole}user={log.busy}&type=Replied",
        "the busy one, far in the past": f"{whole}user={log.busy}&{past}",
        "all filters at once": f"{whole}file={log.hot[0]}&user={log.busy}&type=Saved,VersionAdded&{past}",
    }


@contextmanager
def docledger(folder: Path) -> Iterator[Server]:
    """In the demo, where whoever asks may read everything."""
    port = free_port()
    ours = {name: value for name, value in os.environ.items() if not name.startswith("DOCLEDGER_")}
    settings = {
        "DATA_DIR": str(folder / "data"),
        "PORT": str(port),
        "RATE_LIMIT": "off",
        "LOG_LEVEL": "warning",
    }
    environment = {**ours, **{f"DOCLEDGER_{name}": value for name, value in settings.items()}}
    command = [str(Path(sys.executable).with_name("docledger")), "serve"]
    with running(
        "docledger", command, folder, port=port, answers="/healthz", environment=environment, cwd=folder
    ) as server:
        yield server


def started(folder: Path) -> float:
    """Seconds until it answers."""
    begun = time.perf_counter()
    with docledger(folder):
        return time.perf_counter() - begun


def page(http: httpx.Client, path: str) -> Page:
    took = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        answer = http.get(path).raise_for_status()
        took.append(1000 * (time.perf_counter() - begun))
    return Page(took[0], median(took[1:]), max(took[1:]), len(answer.json()["events"]))


def taken(server: Server, path: str) -> Taken:
    """An export of everything, while somebody else looks at a page again and again."""
    over, waits = threading.Event(), [0.0]
    machine.forget_peak(server.pid)
    before = machine.peak(server.pid)
    watch = threading.Thread(target=look, args=(server.url, over, waits))
    watch.start()
    begun, lines, size = time.perf_counter(), 0, 0
    with httpx.stream("GET", server.url + path, timeout=60, trust_env=False) as answer:
        for chunk in answer.iter_raw(1 << 20):
            lines += chunk.count(b"\n")
            size += len(chunk)
    seconds = time.perf_counter() - begun
    over.set()
    watch.join()
    grown = (machine.peak(server.pid) - before) / 1000
    return Taken(lines, seconds, grown, 1000 * max(waits), size)


def look(url: str, over: threading.Event, waits: list[float]) -> None:
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as http:
        while not over.wait(0.02):
            begun = time.perf_counter()
            http.get("/api/audit?limit=1").raise_for_status()
            waits.append(time.perf_counter() - begun)


def measure(folder: Path, log: Landmarks) -> dict[str, float]:
    figures = {"start": median(started(folder) for _ in range(3))}
    click.echo(f"{'starting on it':45}{figures['start']:9.2f} s")
    with docledger(folder) as server, httpx.Client(base_url=server.url, trust_env=False, timeout=60) as http:
        click.echo(f"{'':45}{'first':>9}{'median':>9}{'worst':>9}  ms")
        for name, path in pages(log).items():
            was = page(http, path)
            click.echo(f"{name:45}{was.first:9.1f}{was.usual:9.1f}{was.worst:9.1f}  {was.events} events")
            figures[name] = was.usual
        for form in ("jsonl", "csv"):
            export = taken(server, f"/api/audit/export?format={form}")
            figures |= {f"{form} facts/s": export.facts / export.seconds, f"{form} MB": export.grown}
            click.echo(
                f"{form}: {export.facts} facts, {export.bytes / 1e6:.0f} MB in {export.seconds:.1f} s,"
                f" {export.facts / export.seconds:.0f} facts/s; memory +{export.grown:.0f} MB;"
                f" others waited {export.waited:.0f} ms at most"
            )
    return figures


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--documents", default=100_000, show_default=True)
def main(folder: Path, documents: int) -> None:
    (folder / "data").mkdir(parents=True, exist_ok=True)
    log = made(folder / "data", documents, progress=True)
    click.echo(f"{log.facts} facts, {log.documents} documents, {log.files} files")
    figures = measure(folder, log)
    click.echo(json.dumps({name: round(value, 2) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
