"""How long a dead node's documents go without auto-save: `python -m tests.benchmarks.failover`.

Three nodes (`docledger serve`) work on PostgreSQL and a folder of blobs behind HAProxy, with the stand-in as
Document Server. Somebody types into every document all the time. At a random moment one node is killed (or
paused, or told to stop), and started again once its documents are looked after by others. Measured from
that moment on:

- `elsewhere`: until others hold all of its shards;
- `asked`: for each of its documents, until another node sends the server the first forcesave;
- `stored`: until what the server then gave is stored and acknowledged;
- `last`: until the last of them is asked for, a figure for each death;
- `gap`: between the last auto-save before that one and that one. In a healthy cluster it is the pause between
  two auto-saves, AUTOSAVE_SECONDS; what is beyond it is what the death has cost.

`doubled` is how often a node went on auto-saving a document after another had begun to. `strays` are
auto-saves that a paused node sent after it was woken and before it had shards again; `strays_of_one` is how
many there were of one document at most.
"""

from __future__ import annotations

import json
import signal
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import click
import trio

from application.nodes import shard_of
from tests.benchmarks import machine
from tests.benchmarks.nodes import Node, Stage, staged
from tests.chaos.marks import mark
from tests.chaos.page import Page

LONGEST = 90.0  # seconds for anything that is waited for
LOOK = 0.02  # seconds between two looks
TYPING = (0.2, 0.8)  # seconds between two lines in one document
NODES = 3

DEATHS = {"kill": signal.SIGKILL, "pause": signal.SIGSTOP, "stop": signal.SIGTERM}


@dataclass
class Deaths:
    """What all deaths of one kind have led to, in seconds."""

    elsewhere: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    stored: list[float] = field(default_factory=list)
    gap: list[float] = field(default_factory=list)
    strays: list[int] = field(default_factory=list)  # by document
    doubled: int = 0

    @property
    def figures(self) -> dict[str, Any]:
        spreads = {
            name: machine.spread(getattr(self, name))
            for name in ("elsewhere", "last", "asked", "stored", "gap")
        }
        counts = {"times": len(self.last), "documents": len(self.asked)}
        strays = {"strays": sum(self.strays), "strays_of_one": max(self.strays, default=0)}
        return {**counts, **spreads, "doubled": self.doubled, **strays}


class Typists:
    """One at each document, for as long as the nursery lives."""

    def __init__(self, stage: Stage, chance: Random) -> None:
        self._stage, self._chance = stage, chance
        self._numbers = count(1)
        self.keys: list[str] = []

    async def sit_down(self, nursery: trio.Nursery, documents: int) -> None:
        for number in range(documents):
            file = await self._stage.api.add(f"document {number:03}.txt", b"A document.")
            config = await self._stage.api.config(file, "ada")
            self.keys.append(str(config["document"]["key"]))
            page = Page(self._stage.control.socket, config, lambda _: None)
            nursery.start_soon(page.stay, trio.Event())
            nursery.start_soon(self._type, page, number)

    async def _type(self, page: Page, document: int) -> None:
        while True:
            assert not page.over, f"the page of document {document} is over: {page.over}"
            await page.type(mark(document, "ada", next(self._numbers)))
            await trio.sleep(self._chance.uniform(*TYPING))


class Failover:
    def __init__(self, stage: Stage, keys: Sequence[str], chance: Random, autosave: float) -> None:
        self._stage, self._keys, self._chance, self._autosave = stage, keys, chance, autosave
        self.results: dict[str, Deaths] = defaultdict(Deaths)

    async def happen(self, how: str) -> None:
        """One death, until all is well again."""
        await trio.sleep(self._chance.uniform(0, self._autosave))
        node = self._chance.choice(self._stage.nodes)
        shards = (await self._stage.held())[node.number]
        keys = [key for key in self._keys if shard_of(key) in shards]
        died, deaths = time.time(), self.results[how]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(node.send, DEATHS[how])
            deaths.elsewhere.append(await self._elsewhere(node, shards) - died)
            asked = {key: await self._asked(node, key, died) for key in keys}
        deaths.asked += [at - died for at in asked.values()]
        deaths.last.append(max(asked.values(), default=died) - died)
        deaths.gap += [at - self._before(key, at) for key, at in asked.items()]
        deaths.stored += [await self._stored(key, at) - died for key, at in asked.items()]
        await self._revive(node, how, keys)
        await self.well()
        deaths.doubled += self._stage.commands.doubled(self._keys, self._autosave, since=died)

    async def well(self) -> None:
        """Shards are shared out evenly, and every document has just been auto-saved."""

        async def well() -> bool:
            even = min(map(len, (await self._stage.held()).values())) >= 64 // NODES
            since = time.time() - 2 * self._autosave
            return even and all(self._stage.commands.autosaves(key, since) for key in self._keys)

        await _until(well, "all is well")

    async def _elsewhere(self, node: Node, shards: frozenset[int]) -> float:
        async def elsewhere() -> bool:
            held = await self._stage.held()
            return shards <= frozenset().union(*(held[n] for n in held if n != node.number))

        return await _until(elsewhere, f"others have the shards of node {node.number}")

    async def _asked(self, node: Node, key: str, since: float) -> float:
        def by_others() -> Iterator[float]:
            return (c.at for c in self._stage.commands.autosaves(key, since) if c.node != node.number)

        async def asked() -> bool:
            return any(by_others())

        await _until(asked, f"another node auto-saves {key}")
        return next(by_others())

    def _before(self, key: str, at: float) -> float:
        return max(sent.at for sent in self._stage.commands.autosaves(key) if sent.at < at)

    async def _stored(self, key: str, since: float) -> float:
        """When the first save of it that was offered since then was acknowledged."""
        found: list[float] = []

        async def stored() -> bool:
            found[:] = [at for saved, at in self._acknowledged() if saved == key and at >= since]
            return bool(found)

        await _until(stored, f"a save of {key} is acknowledged")
        return min(found)

    def _acknowledged(self) -> Iterator[tuple[str, float]]:
        for line in self._stage.control.offers_file.read_text().splitlines():
            offer = json.loads(line)
            if offer["accepted"]:
                yield offer["key"], offer["at"]

    async def _revive(self, node: Node, how: str, keys: Sequence[str]) -> None:
        if how != "pause":
            await node.start()
            return
        woken = time.time()
        await node.send(signal.SIGCONT)
        until = await self._back(node)
        sent = (self._stage.commands.autosaves(key, woken) for key in keys)
        self.results[how].strays += [
            sum(c.node == node.number and c.at < until for c in each) for each in sent
        ]

    async def _back(self, node: Node) -> float:
        """The last moment at which it was seen without shards."""
        without = time.time()

        async def back() -> bool:
            nonlocal without
            looked = time.time()
            if (await self._stage.held())[node.number]:
                return True
            without = looked
            return False

        await _until(back, f"node {node.number} has shards again")
        return without


async def _until(condition: Callable[[], Awaitable[bool]], what: str) -> float:
    """When it came true. Raises TimeoutError."""
    with trio.move_on_after(LONGEST):
        while not await condition():  # noqa: ASYNC110 (other processes are watched)
            await trio.sleep(LOOK)
        return time.time()
    raise TimeoutError(f"not within {LONGEST:g} s: {what}")


async def measure(documents: int, autosave: float, wanted: Mapping[str, int], seed: int) -> dict[str, Any]:
    chance = Random(seed)
    planned = [how for how, times in wanted.items() for _ in range(times)]
    async with staged(NODES, autosave) as stage, trio.open_nursery() as nursery:
        typists = Typists(stage, chance)
        await typists.sit_down(nursery, documents)
        failover = Failover(stage, typists.keys, chance, autosave)
        await failover.well()
        with click.progressbar(planned, label="Deaths") as deaths:
            for how in deaths:
                await failover.happen(how)
        nursery.cancel_scope.cancel()
    return {how: deaths.figures for how, deaths in failover.results.items()}


@click.command()
@click.option("--kills", default=20, show_default=True)
@click.option("--pauses", default=2, show_default=True, help="SIGSTOP, and SIGCONT later.")
@click.option("--stops", default=2, show_default=True, help="SIGTERM.")
@click.option("--documents", default=24, show_default=True)
@click.option("--autosave", default=2.0, show_default=True, help="AUTOSAVE_SECONDS.")
@click.option("--seed", default=1, show_default=True)
def main(kills: int, pauses: int, stops: int, documents: int, autosave: float, seed: int) -> None:
    wanted = {"kill": kills, "stop": stops, "pause": pauses}
    result = trio.run(measure, documents, autosave, wanted, seed)
    with tempfile.TemporaryDirectory(prefix="docledger-failover-") as folder:
        told = machine.described(Path(folder))
    click.echo(f"{machine.said(told)}; {documents} documents on {NODES} nodes,")
    click.echo(f"auto-saved every {autosave:g} s. Seconds from a node's death:")
    lines = [
        [f"{how} × {figures['times']}: {name}", *figures[name].values()]
        for how, figures in result.items()
        for name in ("elsewhere", "last", "asked", "stored", "gap")
        if figures[name]
    ]
    machine.rows(["", "p50", "p99", "worst"], lines)
    for how, figures in result.items():
        click.echo(f"{how}: {', '.join(f'{n} {figures[n]}' for n in ('doubled', 'strays', 'strays_of_one'))}")
    click.echo(json.dumps({"machine": told, "autosave_seconds": autosave, **result}))


if __name__ == "__main__":
    main()
