"""One run: two servers, a crowd, a plan of faults, peace, and the verdict."""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import trio

from tests.chaos.cluster import together
from tests.chaos.docledger import Docledger
from tests.chaos.evidence import doubts
from tests.chaos.faults import Faults
from tests.chaos.gathering import Gathering
from tests.chaos.judging_nodes import Cluster, seen, spells_of
from tests.chaos.marks import first_content
from tests.chaos.people import Desktop, crowd
from tests.chaos.plan import Fault, as_json, filetype, plan
from tests.chaos.plan_of_nodes import plan_of_nodes
from tests.chaos.processes import Say
from tests.chaos.settling import STUCK, STUCK_ON_NODES, Settling
from tests.chaos.stage import Stage, Wishes, alone
from tests.chaos.verdict import Verdict, judge

ADDING = 8  # documents at once
LATER = 3.0  # seconds between two looks at saves that are still on their way into the log
LOOKS = 8
LONGEST = 3600.0  # seconds


class Interrupted(Exception):
    """Somebody wants it to end, and nothing to be left running."""


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
    cluster: Cluster | None  # of several nodes

    @property
    def good(self) -> bool:
        well = self.cluster is None or self.cluster.good
        return self.verdict.good and well and not self.unsettled and not self.doubts


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
    staged = alone if wishes.nodes == 1 else together
    async with staged(wishes, folder, say) as stage:
        desktop = Desktop(stage.api, stage.control.socket, await _add_files(stage.api, wishes.documents))
        say(f"{wishes.documents} documents added")
        faults = Faults(stage.nodes, stage.breaking, stage.server, stage.api, stage.control, desktop, say)
        await _storm(wishes, folder, desktop, faults)
        say("all faults are over and everybody has left")
        return await _reckoning(stage, desktop, faults, say)


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
    planned = planned_for(wishes)
    (folder / "plan.json").write_text(as_json(planned))
    closing_time = trio.Event()
    async with trio.open_nursery() as people:
        for person in crowd(wishes.seed, desktop):
            people.start_soon(person.live, closing_time)
        await faults.carry_out(planned)
        closing_time.set()


def planned_for(wishes: Wishes) -> Sequence[Fault]:
    """The same wishes give the same plan."""
    told = wishes.seed, wishes.kills, wishes.documents, wishes.policy
    return plan(*told) if wishes.nodes == 1 else plan_of_nodes(*told, wishes.nodes)


async def _reckoning(stage: Stage, desktop: Desktop, faults: Faults, say: Say) -> Result:
    await _mend(stage)
    stuck = STUCK if len(stage.nodes) == 1 else STUCK_ON_NODES
    settling = Settling(stage.api, stage.control, desktop, say, stuck)
    unsettled = await settling.settle()
    say(f"settled, but for {len(unsettled)}; one more kill, since only what survives it counts")
    kills, spells = sum(node.kills for node in stage.nodes), spells_of(stage)
    async with trio.open_nursery() as nursery:
        for node in stage.nodes:
            nursery.start_soon(node.kill, 0.1, repeat(True), 0)
    await stage.healthy()
    gathering = Gathering(stage.api, stage.control, desktop.files)
    for look in range(LOOKS):
        if look:
            await trio.sleep(LATER)
        records = await gathering.gather(desktop.typed, faults.uploads)
        verdict = judge(records)
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
        await trio.to_thread.run_sync(doubts, stage.log, stage.checkpoint_key, desktop.files),
        await seen(stage, faults, spells, records.sessions) if len(stage.nodes) > 1 else None,
    )


async def _mend(stage: Stage) -> None:
    await stage.healthy()
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
        **(result.cluster.figures if result.cluster else {}),
    }


def details(result: Result) -> str:
    return json.dumps(asdict(result), indent=1, default=sorted)
