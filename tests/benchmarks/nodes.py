"""Three nodes and all around them, each node to be killed, paused, stopped and started again at will."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psycopg
import trio

from tests.benchmarks.balancer import balancer
from tests.benchmarks.callbacks import SECRET
from tests.benchmarks.stores import postgres
from tests.benchmarks.taps import Commands, Tap
from tests.chaos import server as standin
from tests.chaos.docledger import COMMAND, Docledger
from tests.chaos.server import DocumentServer
from tests.engines.kept import Kept, Process, kept
from tests.nodes.held import HELD
from tests.ports import free_port

ENDING = 60.0  # seconds, with what is still to be saved

Held = Mapping[int, frozenset[int]]  # by the numbers of the nodes


@dataclass
class Node:
    number: int
    url: str
    environment: dict[str, str]
    log: Path
    place: Kept
    _process: Process | None = None

    @property
    def process(self) -> Process:
        assert self._process, "it was never started"
        return self._process

    async def start(self) -> None:
        """Until it answers."""
        await trio.to_thread.run_sync(self._start)

    async def send(self, number: signal.Signals) -> None:
        """And wait for its end, if that is what it means."""
        self.process.send(number)
        if number in {signal.SIGKILL, signal.SIGTERM}:
            await trio.to_thread.run_sync(self.process.wait, ENDING)

    def _start(self) -> None:
        self._process = self.place.start(COMMAND, self.log, environment=self.environment)
        self._process.until(lambda: _answers(f"{self.url}/healthz"))


@dataclass(frozen=True)
class Stage:
    nodes: Sequence[Node]
    api: Docledger
    control: DocumentServer
    commands: Commands
    database: psycopg.Connection[Any]

    async def held(self) -> Held:
        """The shards that each node has, as PostgreSQL sees it."""
        return await trio.to_thread.run_sync(self._held)

    def _held(self) -> Held:
        found = self.database.execute(HELD).fetchall()
        rows = {int(name.rpartition(":")[2]): frozenset(shards) for name, shards in found}
        return {node.number: rows.get(int(node.url.rpartition(":")[2]), frozenset()) for node in self.nodes}


def settings(folder: Path, number: int, port: int, common: Mapping[str, str]) -> dict[str, str]:
    data = folder / f"node{number}"
    data.mkdir()
    own = {"PORT": str(port), "DATA_DIR": str(data)}
    return {f"DOCLEDGER_{name}": value for name, value in {**common, **own}.items()}


@asynccontextmanager
async def staged(count: int, autosave: float) -> AsyncIterator[Stage]:
    """Nodes on PostgreSQL with a folder of blobs, HAProxy before them, and the stand-in."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="docledger-nodes-")))
        place = stack.enter_context(kept("nodes"))
        database = stack.enter_context(postgres()).create_database()
        ports, front, server = [free_port() for _ in range(count)], free_port(), free_port()
        _start_standin(place, folder, server)
        commands = Commands()
        common = {
            "DATABASE_URL": database,
            "BLOB_URL": f"file://{folder}/blobs",
            "SECRET": "a secret of all nodes, which is long enough",
            "CHECKPOINT_KEY": f"{folder}/checkpoint.key",
            "PUBLIC_URL": f"http://127.0.0.1:{front}",
            "DOCUMENT_SERVER_URL": f"http://127.0.0.1:{server}",
            "DOCUMENT_SERVER_SECRET": SECRET,
            "CALLBACK_REPLY": "durable",
            "RATE_LIMIT": "off",
            "CALLBACK_LIMIT": "off",
            "AUTOSAVE_SECONDS": str(autosave),
        }
        async with trio.open_nursery() as nursery:
            nodes = []
            for number, port in enumerate(ports):
                await nursery.start((tap := Tap(number, server, commands)).run)
                ours = settings(folder, number, port, {**common, "DOCUMENT_SERVER_INTERNAL_URL": tap.url})
                log = folder / f"node{number}.log"
                nodes.append(Node(number, f"http://127.0.0.1:{port}", ours, log, place))
                await nodes[-1].start()
            proxy = stack.enter_context(balancer(folder, front, [node.url for node in nodes]))
            async with httpx.AsyncClient(trust_env=False) as http:
                control = DocumentServer(f"http://127.0.0.1:{server}", SECRET, folder / "server", http)
                api = Docledger(proxy.url, http)
                with psycopg.connect(database, autocommit=True) as looking:
                    yield Stage(nodes, api, control, commands, looking)
            nursery.cancel_scope.cancel()


def _start_standin(place: Kept, folder: Path, port: int) -> None:
    kept_there = folder / "server"
    kept_there.mkdir()
    environment = {"STANDIN_SECRET": SECRET}
    command = standin.command(port, kept_there)
    process = place.start(command, folder / "server.log", environment=environment)
    process.until(lambda: _answers(f"http://127.0.0.1:{port}/healthcheck"))


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, timeout=2).is_success
    except httpx.TransportError:
        return False
