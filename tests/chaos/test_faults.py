"""The faults hurt while they last and are gone afterwards; killed servers come back."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from itertools import repeat
from pathlib import Path
from random import Random

import pytest
import trio

from application.ports import StorageFailed
from infrastructure.blobs import LocalBlobs
from tests.chaos.breaking import blobs_broken, journal_locked
from tests.chaos.processes import Server, free_port


async def some_bytes() -> AsyncIterator[bytes]:
    yield b"a letter"


async def test_while_the_blob_store_is_broken_nothing_can_be_kept(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    with blobs_broken(tmp_path), pytest.raises(StorageFailed):
        await blobs.keep(some_bytes(), limit=100)
    assert (await blobs.keep(some_bytes(), limit=100)).size == 8


def test_while_the_journal_is_locked_nothing_can_be_written(tmp_path: Path) -> None:
    database = tmp_path / "docledger.db"
    with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as ours:
        ours.execute("CREATE TABLE facts (fact)")
        with journal_locked(database), pytest.raises(sqlite3.OperationalError, match="locked"):
            ours.execute("INSERT INTO facts VALUES (1)")
        ours.execute("INSERT INTO facts VALUES (2)")


async def test_a_killed_server_is_started_again_and_none_outlives_the_run(tmp_path: Path) -> None:
    port = free_port(Random(tmp_path.name))
    said: list[str] = []
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    server = Server("web", command, {}, tmp_path, f"http://127.0.0.1:{port}/", said.append)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.run)
        await server.healthy()
        first = server.pid
        await server.kill(0, repeat(True), 0)
        await server.healthy()
        second = server.pid
        nursery.cancel_scope.cancel()
    assert first != second
    assert server.kills == 1
    assert not said, "it never ended by itself"
    for pid in (first, second):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
