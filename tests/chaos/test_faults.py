"""The faults hurt while they last and are gone afterwards; killed servers come back."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from itertools import repeat
from pathlib import Path

import httpx
import pytest
import trio
import trio.testing

from application.ports import StorageFailed
from infrastructure.blobs import LocalBlobs
from tests.chaos.breaking import blobs_broken, journal_locked
from tests.chaos.processes import Server
from tests.ports import free_port


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


@asynccontextmanager
async def running_web(folder: Path, said: list[str]) -> AsyncIterator[Server]:
    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    server = Server("web", command, {}, folder, f"http://127.0.0.1:{port}/", said.append)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.run)
        await server.healthy()
        yield server
        nursery.cancel_scope.cancel()


async def test_a_killed_server_is_started_again_and_none_outlives_the_run(tmp_path: Path) -> None:
    said: list[str] = []
    async with running_web(tmp_path, said) as server:
        first = server.pid
        await server.kill(0, repeat(True), 0)
        await server.healthy()
        second = server.pid
    assert first != second
    assert server.kills == 1
    assert not said, "it never ended by itself"
    for pid in (first, second):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_paused_server_answers_nobody_and_then_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    said: list[str] = []
    async with running_web(tmp_path, said) as server, httpx.AsyncClient(trust_env=False) as http:
        pid = server.pid
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.pause, 1.5)
            await trio.testing.wait_all_tasks_blocked(0.5)
            with pytest.raises(httpx.ReadTimeout):
                await http.get(server.health, timeout=0.3)
        await server.healthy()
        assert server.pid == pid
    (spell,) = server.spells
    assert (spell.kind, said) == ("pause", [])
    assert spell.ended - spell.began >= 1.5


@pytest.mark.parametrize(("says", "crashes"), [("Docledger is ready", 1), ("there is no database", 0)])
async def test_one_that_ends_by_itself_has_crashed_only_if_it_had_served(
    tmp_path: Path, says: str, crashes: int
) -> None:
    command = [sys.executable, "-c", f"print({says!r}, flush=True); exit(3)"]
    tell, told = trio.open_memory_channel[str](1)
    server = Server("ending", command, {}, tmp_path, "", tell.send_nowait)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.run)
        with trio.fail_after(30):
            assert await told.receive() == "ending ended by itself (3)"
        nursery.cancel_scope.cancel()
    assert server.crashes == crashes
