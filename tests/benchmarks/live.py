"""How soon a fact arrives at everybody who listens, one of them deaf, and what that costs.

The lag counts from the moment that the fact was decided, so the wait for the disk is in it.
"""

from __future__ import annotations

import json
import os
import platform
import re
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

import click
import httpx
import trio

from application.changes import FileChange
from domain import file as files
from domain.events import Added, FileEvent, Renamed
from domain.keys import user_id
from infrastructure.journal import LedgerJournal
from tests.benchmarks.docledger import NOBODY, Docledger, docledger
from tests.benchmarks.processes import Server
from web.bootstrap import now

EVENT = re.compile(rb'id: (\d+)\nevent: Renamed\ndata: .*?"at": "([^"]+)".*\n\n')
PER_PERSON = 20  # streams, as the service allows
LONGEST = 60.0  # seconds for the last facts to arrive


@dataclass
class Reader:
    begun: bool = False
    arrived: dict[int, float] = field(default_factory=dict)  # position -> seconds since it was decided

    async def read(self, server: Server, person: int, task_status: trio.TaskStatus[None]) -> None:
        stream = await trio.open_tcp_stream("127.0.0.1", int(server.url.rpartition(":")[2]))
        async with stream:
            await stream.send_all(_request(f"/api/events?as=reader{person}"))
            heard = b""
            while data := await stream.receive_some():
                heard, now = heard + data, time.time()
                if b"event: position" in heard and not self.begun:
                    self.begun = True
                    task_status.started()
                for event in EVENT.finditer(heard):
                    self.arrived[int(event[1])] = now - datetime.fromisoformat(event[2].decode()).timestamp()
                heard = heard[heard.rfind(b"\n\n") + 2 :] if b"\n\n" in heard else heard


def _request(target: str) -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


async def flood(database: Path) -> None:
    """What the deaf one is told first: more than a connection holds on its way."""
    owner = user_id("deaf")
    facts: list[FileEvent] = [Added(at=now(), name="Flood.txt", owner=owner, owner_name="deaf")]
    facts += [Renamed(at=now(), name=f"{number}{'x' * 400_000}", by=owner) for number in range(40)]
    state = files.replay(facts)
    assert state is not None
    async with LedgerJournal.open(database) as journal:
        await journal.append(FileChange("flood", 0, facts, state))


@contextmanager
def deaf(server: Server) -> Iterator[None]:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", int(server.url.rpartition(":")[2])))
        connection.sendall(_request("/api/events?as=deaf&after=0"))
        yield


async def measure(service: Docledger, readers: int, facts: int, rate: float) -> dict[str, float]:
    server, listening = service.server, [Reader() for _ in range(readers)]
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=30) as http:
        file = (await http.get("/api/files")).json()["files"][0]["id"]
        idle = await _cost(server, http, file, facts, rate)
        before = server.memory()
        async with trio.open_nursery() as nursery:
            for number, reader in enumerate(listening):
                await nursery.start(reader.read, server, number // PER_PERSON)
            memory = server.memory() - before
            with deaf(server):
                busy = await _cost(server, http, file, facts, rate)
                with trio.fail_after(LONGEST):
                    while any(len(reader.arrived) < facts for reader in listening):  # noqa: ASYNC110
                        await trio.sleep(0.05)
            nursery.cancel_scope.cancel()
    lags = sorted(lag for reader in listening for lag in reader.arrived.values())
    return {
        "p50_ms": 1000 * lags[len(lags) // 2],
        "p99_ms": 1000 * lags[len(lags) * 99 // 100],
        "worst_ms": 1000 * lags[-1],
        "cpu_us": 1e6 * (busy - idle) / len(lags),
        "memory_kb": memory / readers,
    }


async def _cost(server: Server, http: httpx.AsyncClient, file: str, facts: int, rate: float) -> float:
    """Seconds of CPU that the server spends while it records facts at that rate."""
    begun, before = trio.current_time(), server.cpu()
    for number in range(facts):
        await trio.sleep_until(begun + number / rate)
        body = {"name": f"{begun} {number}.docx"}
        (await http.patch(f"/api/files/{file}", json=body)).raise_for_status()
    await trio.to_thread.run_sync(server.settle)
    return server.cpu() - before


@click.command()
@click.option("--readers", default=200, show_default=True)
@click.option("--facts", default=200, show_default=True)
@click.option("--rate", default=10.0, show_default=True, help="Facts per second.")
def main(readers: int, facts: int, rate: float) -> None:
    with tempfile.TemporaryDirectory(prefix="docledger-live-") as name:
        folder = Path(name)
        with docledger(folder, NOBODY) as service:
            trio.run(flood, folder / "data" / "docledger.db")
            result = trio.run(partial(measure, service, readers, facts, rate))
    click.echo(f"Python {platform.python_version()}, {os.cpu_count()} cores; {rate:g} facts a second to")
    click.echo(f"{readers} readers and a deaf one: milliseconds from decided to arrived, microseconds of the")
    click.echo("server's CPU for each delivery, kilobytes for each reader:")
    click.echo(json.dumps({"readers": readers, **{name: round(value, 1) for name, value in result.items()}}))


if __name__ == "__main__":
    main()
