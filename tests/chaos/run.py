"""One run: two servers, a crowd, a plan of faults, peace, and the verdict."""

from __future__ import annotations

import json
import secrets
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from itertools import repeat
from pathlib import Path
from random import Random
from typing import Any

import httpx
import trio

from tests.chaos import docledger, server
from tests.chaos.docledger import Docledger
from tests.chaos.evidence import doubts
from tests.chaos.faults import Faults
from tests.chaos.gathering import Gathering
from tests.chaos.marks import first_content
from tests.chaos.people import Desktop, crowd
from tests.chaos.plan import as_json, filetype, plan
from tests.chaos.processes import Say, Server, free_port
from tests.chaos.server import DocumentServer
from tests.chaos.settling import Settling
from tests.chaos.verdict import Verdict, judge

ADDING = 8  # documents at once
LATER = 3.0  # seconds between two looks at saves that are still on their way into the log
LOOKS = 8
LONGEST = 3600.0  # seconds


class Interrupted(Exception):
    """Somebody wants it to end, and nothing to be left running."""


@dataclass(frozen=True, slots=True)
class Wishes:
    policy: str
    seed: int
    kills: int
    documents: int


@dataclass(frozen=True, slots=True)
class Result:
    verdict: Verdict
    kills: int
    server_kills: int
    open_at_once: int
    unsettled: list[str]
    stranded: list[str]
    outcomes: dict[str, int]
    doubts: list[str]  # of the log

    @property
    def good(self) -> bool:
        return self.verdict.good and not self.unsettled and not self.doubts


@dataclass(slots=True)
class Stage:
    """Both servers, and every way to reach them."""

    data: Path
    docledger: Server
    server: Server
    api: Docledger
    control: DocumentServer


async def run(wishes: Wishes, folder: Path, say: Say) -> Result:
    """Raises Interrupted, NeverHealthy, and TooSlowError when it takes for ever."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_heed_signals)
        with trio.fail_after(LONGEST):
            result = await _run(wishes, folder, say)
        nursery.cancel_scope.cancel()
    return result


async def _heed_signals() -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            raise Interrupted


async def _run(wishes: Wishes, folder: Path, say: Say) -> Result:
    async with staged(wishes, folder, say) as stage:
        desktop = Desktop(stage.api, stage.control.socket, await _add_files(stage.api, wishes.documents))
        say(f"{wishes.documents} documents added")
        faults = Faults(stage.docledger, stage.server, stage.api, stage.control, desktop, stage.data, say)
        await _storm(wishes, folder, desktop, faults)
        say("all faults are over and everybody has left")
        return await _reckoning(stage, desktop, faults, say)


@asynccontextmanager
async def staged(wishes: Wishes, folder: Path, say: Say) -> AsyncIterator[Stage]:
    chance, secret = Random(secrets.randbits(64)), secrets.token_hex(32)
    port, server_port = free_port(chance), free_port(chance)
    url, server_url, data = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{server_port}", folder / "data"
    kept = folder / "server"
    kept.mkdir()
    theirs = Server(
        "server",
        server.command(server_port, kept),
        server.environment(secret),
        folder,
        f"{server_url}/healthcheck",
        say,
    )
    settings = docledger.environment(url, data, server_url, secret, wishes.policy, wishes.documents)
    ours = Server("docledger", docledger.COMMAND, settings, folder, f"{url}/healthz", say)
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
    async with httpx.AsyncClient(trust_env=False, limits=limits) as http, trio.open_nursery() as nursery:
        nursery.start_soon(theirs.run)
        nursery.start_soon(ours.run)
        await theirs.healthy()
        await ours.healthy()
        yield Stage(data, ours, theirs, Docledger(url, http), DocumentServer(server_url, secret, kept, http))
        nursery.cancel_scope.cancel()


async def _add_files(api: Docledger, documents: int) -> list[str]:
    files = [""] * documents
    limit = trio.CapacityLimiter(ADDING)

    async def add(document: int) -> None:
        async with limit:
            kind = filetype(document)
            content = first_content(kind, f"Document {document}")
            files[document] = await api.add(f"document {document:03}.{kind}", content)

    async with trio.open_nursery() as nursery:
        for document in range(documents):
            nursery.start_soon(add, document)
    return files


async def _storm(wishes: Wishes, folder: Path, desktop: Desktop, faults: Faults) -> None:
    """Until the plan is carried out and the last one has left."""
    planned = plan(wishes.seed, wishes.kills, wishes.documents, wishes.policy)
    (folder / "plan.json").write_text(as_json(planned))
    closing_time = trio.Event()
    async with trio.open_nursery() as people:
        for person in crowd(wishes.seed, desktop):
            people.start_soon(person.live, closing_time)
        await faults.carry_out(planned)
        closing_time.set()


async def _reckoning(stage: Stage, desktop: Desktop, faults: Faults, say: Say) -> Result:
    await _mend(stage)
    settling = Settling(stage.api, stage.control, desktop, say)
    unsettled = await settling.settle()
    say(f"settled, but for {len(unsettled)}; one more kill, since only what survives it counts")
    kills = stage.docledger.kills
    await stage.docledger.kill(0.1, repeat(True), 0)
    await stage.docledger.healthy()
    gathering = Gathering(stage.api, stage.control, desktop.files)
    for look in range(LOOKS):
        if look:
            await trio.sleep(LATER)
        verdict = judge(await gathering.gather(desktop.typed, faults.uploads))
        if verdict.good:
            break
    return Result(
        verdict,
        kills,
        stage.server.kills,
        desktop.open_at_once,
        unsettled,
        sorted(settling.stranded),
        dict(desktop.outcomes),
        await trio.to_thread.run_sync(doubts, stage.data, desktop.files),
    )


async def _mend(stage: Stage) -> None:
    await stage.server.healthy()
    await stage.docledger.healthy()
    await stage.control.clear()


def summary(wishes: Wishes, result: Result, seconds: float) -> dict[str, Any]:
    """The last line's object."""
    verdict = result.verdict
    return {
        "policy": wishes.policy,
        "seed": wishes.seed,
        "kills": result.kills,
        "acknowledged": verdict.acknowledged,
        "stored": verdict.acknowledged - len(verdict.lost),
        "lost": len(verdict.lost),
        "duplicated": len(verdict.duplicated),
        "out_of_order": len(verdict.out_of_order),
        "recovered": verdict.recovered,
        "lost_by_contract": verdict.lost_by_contract,
        "answered_early": verdict.answered_early,
        "behind": len(verdict.behind),
        "missing": len(verdict.missing),
        "uploads_lost": len(verdict.uploads_lost),
        "conflicts": verdict.conflicts,
        "unsettled": len(result.unsettled),
        "stranded": len(result.stranded),
        "doubts": len(result.doubts),
        "server_kills": result.server_kills,
        "documents": wishes.documents,
        "open_at_once": result.open_at_once,
        "seconds": round(seconds),
    }


def details(result: Result) -> str:
    return json.dumps(asdict(result), indent=1, default=sorted)
