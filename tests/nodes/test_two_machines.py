"""Two machines, as far as one can play them: each serves, one dies, and people go on typing."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.chaos.page import Page
from tests.contract.servers import DocumentServer, standin_process
from tests.nodes.ear import Ear, ear
from tests.service import Service, eventually

SECRET = "one-secret-for-both-machines-1234567890"
AUTOSAVE = 1.0  # seconds
BOTH = 24  # documents, of which surely each machine has some

pytestmark = pytest.mark.scale


@dataclass
class Machine:
    service: Service
    ear: Ear

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = self.service.get("/api/status")
        return status

    def saves(self) -> set[str]:
        """The keys that it has asked the server to save."""
        return self.ear.commanded("forcesave")


@dataclass
class Machines:
    server: DocumentServer
    common: dict[str, str]
    folder: Path
    stack: ExitStack
    pages: dict[str, Page] = field(default_factory=dict)  # by file
    keys: dict[str, str] = field(default_factory=dict)
    taken: list[str] = field(default_factory=list)  # the lines that the server has

    def machine(self, name: str, **settings: str) -> Machine:
        (self.folder / name).mkdir()
        way = self.stack.enter_context(ear(self.server.url))
        given = self.common | {"DOCUMENT_SERVER_INTERNAL_URL": way.url} | settings
        service = Service(self.folder / name, **given)
        self.stack.callback(service.close)
        return Machine(service, way)


@pytest.fixture
def machines(postgres_database: str, tmp_path: Path) -> Iterator[Machines]:
    with ExitStack() as stack:
        server = stack.enter_context(standin_process(tmp_path))
        common = {
            "DATABASE_URL": postgres_database,
            "BLOB_URL": f"file://{tmp_path}/blobs",
            "CHECKPOINT_KEY": f"{tmp_path}/checkpoint.key",
            "SECRET": SECRET,
            "DOCUMENT_SERVER_URL": server.url,
            "DOCUMENT_SERVER_SECRET": server.secret,
            "AUTOSAVE_SECONDS": f"{AUTOSAVE:g}",
        }
        yield Machines(server, common, tmp_path, stack)


async def soon(condition: Callable[[], Any], what: str, seconds: float = 30.0) -> Any:
    return await trio.to_thread.run_sync(eventually, condition, what, seconds)


@asynccontextmanager
async def people(machines: Machines, on: Machine) -> AsyncIterator[None]:
    """At many documents, each of which they were let in to by one machine."""
    leaving = trio.Event()
    async with trio.open_nursery() as nursery:
        for number in range(BOTH):
            sent = {"file": (f"Note {number}.txt", b"Begun.\n")}
            file = on.service.client.post("/api/files", files=sent).json()["id"]
            config = on.service.get(f"/api/onlyoffice/config/{file}")
            page = Page(
                machines.server.url.replace("http:", "ws:") + "/standin/socket",
                {**config["config"], "token": config["token"]},
                taken=machines.taken.append,
            )
            nursery.start_soon(page.stay, leaving)
            machines.pages[file] = page
            machines.keys[file] = config["config"]["document"]["key"]
        yield
        leaving.set()


def unsaved(machine: Machine, files: set[str], line: str) -> set[str]:
    """Those whose head does not have it."""
    client = machine.service.client
    return {file for file in files if line not in client.get(f"/api/files/{file}/content").text}


async def typed(machines: Machines, line: str) -> None:
    """Until the server has it of everybody."""
    for page in machines.pages.values():
        await page.type(line)
    with trio.fail_after(30):
        while machines.taken.count(line) < len(machines.pages):  # noqa: ASYNC110 (pages are watched)
            await trio.sleep(0.05)


async def test_each_document_is_auto_saved_by_one_machine_and_by_the_other_when_that_dies(
    machines: Machines,
) -> None:
    second = machines.machine("b")
    first = machines.machine("a", STORAGE_URL=second.service.url)  # files and callbacks go to the other
    for machine in (first, second):
        await trio.to_thread.run_sync(machine.service.start)
    await soon(lambda: [m.status()["shards"] for m in (first, second)] == [32, 32], "they share")
    async with people(machines, on=first):
        files, keys = set(machines.pages), set(machines.keys.values())
        await typed(machines, "While both live.")
        await soon(lambda: not unsaved(second, files, "While both live."), "all is saved")
        await trio.sleep(2 * AUTOSAVE)
        assert not first.saves() & second.saves()
        assert first.saves() | second.saves() == keys
        firsts = {file for file in files if machines.keys[file] in first.saves()}
        assert firsts
        assert firsts != files

        first.service.kill()
        began = time.monotonic()
        await typed(machines, "Since one is dead.")
        await soon(lambda: not unsaved(second, firsts, "Since one is dead."), "all is saved")
        print(f"what a killed machine had is saved {time.monotonic() - began:.1f} s after its death")
        assert second.saves() == keys
        assert second.status()["shards"] == 64


async def test_a_machine_that_leaves_saves_what_it_has_and_the_other_goes_on(machines: Machines) -> None:
    second = machines.machine("b")
    first = machines.machine("a", STORAGE_URL=second.service.url, AUTOSAVE_SECONDS="600")
    for machine in (first, second):
        await trio.to_thread.run_sync(machine.service.start)
    await soon(lambda: first.status()["shards"] == 32, "they share")
    async with people(machines, on=first):
        await typed(machines, "Before it leaves.")
        await soon(lambda: first.status()["unsaved"] == BOTH, "it knows what is edited")
        assert await trio.to_thread.run_sync(first.service.stop) == 0
        await soon(lambda: not unsaved(second, set(machines.pages), "Before it leaves."), "all is saved")
        assert first.saves()
        await soon(lambda: second.status()["shards"] == 64, "it has taken over", 3)


def test_a_second_machine_with_settings_of_its_own_does_not_start_and_says_why(machines: Machines) -> None:
    first = machines.machine("a")
    first.service.start()
    del machines.common["SECRET"]
    second = machines.machine("b", BLOB_URL=f"file://{machines.folder}/others", CALLBACK_REPLY="durable")
    with pytest.raises(AssertionError):
        second.service.start()
    said = second.service.log()
    for name in ("SECRET: set it to the same on every node", "BLOB_URL: it leads to another store"):
        assert f"DOCLEDGER_{name}" in said
    assert "Traceback" not in said
    assert first.status()["shards"] == 64


def test_readiness_and_metrics_tell_of_a_lost_database(machines: Machines, postgres: Any) -> None:
    machine = machines.machine("a")
    machine.service.start()
    ready = machine.service.client.get("/readyz")
    assert ready.json()["checks"]["nodes"] == "ok"
    postgres.pause()
    eventually(
        lambda: "docledger_shards 0.0" in machine.service.client.get("/metrics").text, "it lets go", 15
    )
    eventually(
        lambda: machine.service.client.get("/readyz").json()["checks"]["nodes"] != "ok", "it is not ready", 15
    )
    postgres.resume()
    eventually(lambda: machine.service.client.get("/readyz").is_success, "it is ready again", 30)
    eventually(lambda: machine.status()["shards"] == 64, "it looks after everything")
