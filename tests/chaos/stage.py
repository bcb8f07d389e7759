"""Where a run plays: the servers, every way to reach them, and what can be broken behind them."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import trio

from tests.chaos import docledger, server
from tests.chaos.breaking import Breaking, Folder
from tests.chaos.docledger import Docledger
from tests.chaos.processes import Say, Server
from tests.chaos.server import DocumentServer
from tests.ports import free_port


@dataclass(frozen=True, slots=True)
class Wishes:
    policy: str
    seed: int
    kills: int
    documents: int
    nodes: int = 1


@dataclass(slots=True)
class Stage:
    nodes: Sequence[Server]
    server: Server
    api: Docledger
    control: DocumentServer
    breaking: Breaking
    log: Path | str  # the events', not what the servers say
    checkpoint_key: Path
    healthy: Callable[[], Awaitable[None]]  # until all of it answers


@asynccontextmanager
async def alone(wishes: Wishes, folder: Path, say: Say) -> AsyncIterator[Stage]:
    """One Docledger that keeps everything in a folder."""
    secret, port, data = secrets.token_hex(32), free_port(), folder / "data"
    url = f"http://127.0.0.1:{port}"
    server_port = free_port()
    theirs, control_of = document_server(server_port, secret, folder, say)
    settings = docledger.environment(
        url, data, f"http://127.0.0.1:{server_port}", secret, wishes.policy, wishes.documents
    )
    ours = Server("docledger", docledger.COMMAND, settings, folder, f"{url}/healthz", say)

    async def healthy() -> None:
        await theirs.healthy()
        await ours.healthy()

    async with running([theirs, ours]) as http:
        await healthy()
        yield Stage(
            [ours],
            theirs,
            Docledger(url, http),
            control_of(http),
            Folder(data),
            data / "docledger.db",
            data / "checkpoint.key",
            healthy,
        )


def document_server(
    port: int, secret: str, folder: Path, say: Say
) -> tuple[Server, Callable[[httpx.AsyncClient], DocumentServer]]:
    """The process, and how it is commanded."""
    url, kept = f"http://127.0.0.1:{port}", folder / "server"
    kept.mkdir()
    process = Server(
        "server",
        server.command(port, kept),
        server.environment(secret),
        folder,
        f"{url}/healthcheck",
        say,
    )
    return process, lambda http: DocumentServer(url, secret, kept, http)


@asynccontextmanager
async def running(servers: Sequence[Server]) -> AsyncIterator[httpx.AsyncClient]:
    """For as long as somebody asks them."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
    async with httpx.AsyncClient(trust_env=False, limits=limits) as http, trio.open_nursery() as nursery:
        for each in servers:
            nursery.start_soon(each.run)
        yield http
        nursery.cancel_scope.cancel()
