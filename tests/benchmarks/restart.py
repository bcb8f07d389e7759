"""How long a killed service takes until every open document is taken up again."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import httpx
import trio

from tests.service import Service
from tests.web.fake_server import SECRET, FakeServer, document_server, envelope
from tests.web.service import CALLBACK, word

AT_ONCE = 16
LONGEST = 300.0  # seconds


class Restart:
    def __init__(self, server: FakeServer, http: httpx.AsyncClient, documents: int) -> None:
        self._http = http
        self.asked: dict[str, float] = {}  # key -> when we were asked about it
        self.all_asked = trio.Event()
        self._documents = documents
        self._slots = trio.CapacityLimiter(AT_ONCE)
        server.answer("info", self._info)

    async def open(self) -> str:
        """The key of a new document that somebody edits."""
        async with self._slots:
            given = {"file": ("Plan.docx", word("The first words."))}
            file = (await self._http.post("/api/files", files=given)).raise_for_status().json()["id"]
            config = (await self._http.get(f"/api/onlyoffice/config/{file}")).raise_for_status().json()
            key = str(config["config"]["document"]["key"])
            await self._present(key)
            return key

    async def _present(self, key: str) -> None:
        headers, body = envelope({"key": key, "status": 1, "users": ["ada"]})
        (await self._http.post(CALLBACK, headers=headers, json=body)).raise_for_status()

    async def _info(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """As a server answers: only after its own callback was."""
        key = str(command["key"])
        await self._present(key)
        self.asked[key] = time.perf_counter()
        if len(self.asked) == self._documents:
            self.all_asked.set()
        return {"error": 0, "key": key, "users": ["ada"]}


async def measure(folder: Path, documents: int) -> dict[str, float]:
    """Seconds from the start of the process."""
    async with document_server() as server:
        settings = {"DOCUMENT_SERVER_URL": server.url, "DOCUMENT_SERVER_SECRET": SECRET, "RATE_LIMIT": "off"}
        service = Service(folder, AUTOSAVE_SECONDS="3600", LOG_LEVEL="warning", **settings)
        try:
            await trio.to_thread.run_sync(service.start)
            async with httpx.AsyncClient(base_url=service.url, trust_env=False, timeout=60) as http:
                restart = Restart(server, http, documents)
                async with trio.open_nursery() as nursery:
                    for _ in range(documents):
                        nursery.start_soon(restart.open)
                await trio.to_thread.run_sync(service.kill)
                restart.asked.clear()
                begun = time.perf_counter()
                await trio.to_thread.run_sync(service.start)
                up = time.perf_counter() - begun
                with trio.fail_after(LONGEST):
                    await restart.all_asked.wait()
                resumed = sorted(when - begun for when in restart.asked.values())
        finally:
            service.close()
    return {"answers": up, "half_resumed": resumed[documents // 2], "all_resumed": resumed[-1]}


@click.command()
@click.option("--documents", default=1000, show_default=True)
def main(documents: int) -> None:
    with tempfile.TemporaryDirectory(prefix="docledger-restart-") as folder:
        took = trio.run(measure, Path(folder), documents)
    click.echo(f"{documents} open documents, killed and started: seconds until")
    click.echo(json.dumps({"documents": documents, **{name: round(s, 2) for name, s in took.items()}}))


if __name__ == "__main__":
    main()
