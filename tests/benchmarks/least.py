"""The least that an honest answer to a callback costs on this stack: nothing but what makes it true.

    python -m tests.benchmarks.least PORT FOLDER

On our own connections, it believes everything, decides nothing and keeps no history. A status 1 is a row
that is on the disk before the answer; a status 6 two downloads, two files and their names on the disk, and
a row.
"""

from __future__ import annotations

import json
import os
import sqlite3
import ssl
import sys
from functools import partial
from pathlib import Path
from typing import cast

import httpx
import trio
from hypercorn.config import Config
from hypercorn.typing import ASGIFramework
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infrastructure.durable import Draft, Folders, publish
from infrastructure.journal.committing import turns
from infrastructure.kept_alive import KeptAlive
from tests.benchmarks.cases import CALLBACK
from web.serving import listen


class Rows:
    """One table, and whoever comes while it is being synced waits for the next commit together."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute("CREATE TABLE facts (position INTEGER PRIMARY KEY, said TEXT)")
        self._waiting: list[tuple[str, trio.Event]] = []
        self._news = trio.Event()

    async def add(self, said: str) -> None:
        durable = trio.Event()
        self._waiting.append((said, durable))
        self._news.set()
        await durable.wait()

    async def run(self) -> None:
        while True:
            await self._news.wait()
            batch, self._waiting, self._news = self._waiting, [], trio.Event()
            await trio.to_thread.run_sync(self._commit, [said for said, _ in batch])
            for _, durable in batch:
                durable.set()
            await turns()

    def _commit(self, batch: list[str]) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany("INSERT INTO facts (said) VALUES (?)", [(said,) for said in batch])
        self._database.execute("COMMIT")


class Least:
    def __init__(self, folder: Path) -> None:
        self.rows = Rows(folder / "least.db")
        self._folder = folder
        self._folders = Folders(os.fsync)
        self._http = KeptAlive(ssl.create_default_context())

    async def callback(self, request: Request) -> Response:
        said = json.loads(await request.body())
        for url in filter(None, (said.get("url"), said.get("changesurl"))):
            answer = await self._http.handle_async_request(httpx.Request("GET", url))
            await trio.to_thread.run_sync(self._keep, await answer.aread())
            await answer.aclose()
        await self.rows.add(said["key"])
        return JSONResponse({"error": 0})

    def _keep(self, content: bytes) -> None:
        draft = Draft(self._folder, os.fsync)
        publish(draft, content, draft.path.with_suffix(".docx"), self._folders)


async def serve(port: int, folder: Path) -> None:
    least, config = Least(folder), Config()
    config.bind = [f"127.0.0.1:{port}"]
    app = Starlette(routes=[Route(CALLBACK, least.callback, methods=["POST"]), Route("/", _hello)])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(least.rows.run)
        await listen(cast(ASGIFramework, app), config, shutdown_trigger=trio.sleep_forever)


async def _hello(_: Request) -> Response:
    return JSONResponse({"hello": "world"})


if __name__ == "__main__":
    trio.run(partial(serve, int(sys.argv[1]), Path(sys.argv[2])))
