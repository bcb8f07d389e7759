"""Which node has which shard: spread over those that live, and moved when one comes, goes or is silent."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import trio

from application.nodes import SHARDS, shard_of
from tests.simulation.troubles import Troubles
from tests.simulation.witness import Witness

if TYPE_CHECKING:
    from tests.simulation.node import Node

SILENT = 10.0  # seconds after which a node that does not stir has lost its shards
NOTICED = (0.0, 0.3, 2.0, 9.0)  # seconds until the others know of a change
GAP = (0.0, 0.0, 0.5)  # seconds in which a shard is nobody's
WAKING = (0.0, 0.2, 1.0)  # seconds until a node that was silent knows what it has lost
SPOILT = 130.0  # seconds in which a node's end may still be felt: somebody waits for its fetches


class Cluster:
    def __init__(self, nodes: list[Node], troubles: Troubles, witness: Witness, dice: Random) -> None:
        self._nodes, self._troubles, self._witness, self._dice = nodes, troubles, witness, dice
        self._owners: dict[int, Node] = {}
        self._moved = -1.0
        self._turn = 0
        self._silent: set[Node] = set()
        self._stirred = trio.Event()
        self._strays: set[tuple[Node, float, str]] = set()
        for node in nodes:
            node.cluster = self

    def stir(self) -> None:
        """Somebody has come, gone, or fallen silent."""
        self._stirred.set()

    def rotate(self) -> None:
        self._turn += 1
        self.stir()

    async def run(self) -> None:
        while True:
            await self._stirred.wait()
            self._stirred = trio.Event()
            await trio.sleep(self._dice.choice(NOTICED))
            await self._deal()

    async def _deal(self) -> None:
        began = trio.current_time()
        present = self._present()
        awake = [node for node in present if node.awake.is_set()]
        if not awake:
            return
        owners = {shard: awake[(shard + self._turn) % len(awake)] for shard in range(SHARDS)}
        # Whoever is paused gives nothing away, until they have been silent for too long.
        owners |= {
            shard: node for shard, node in self._owners.items() if node in present and node not in awake
        }
        self._owners = {shard: node for shard, node in self._owners.items() if owners[shard] is node}
        self._moved = began
        self._show(present)
        await trio.sleep(self._dice.choice(GAP))
        present = [node for node in self._present() if node in present]
        self._owners = {shard: node for shard, node in owners.items() if node in present}
        self._moved = trio.current_time()
        self._show(present)
        self._witness.log("shards are dealt", [node.number for node in present])
        self._troubles.felt("docledger", began, trio.current_time())

    def _present(self) -> list[Node]:
        return [node for node in self._nodes if node.machine.up and node not in self._silent]

    def _show(self, present: list[Node]) -> None:
        for node in present:
            if node.awake.is_set():
                node.view.others = len(present) - 1
                node.view.deal(shard for shard, owner in self._owners.items() if owner is node)

    async def pause(self, node: Node, seconds: float) -> None:
        """Stopped, and continued later, when it takes itself for what it was before."""
        if not (node.machine.up and node.awake.is_set()):
            return
        began, view = trio.current_time(), node.view
        node.awake = trio.Event()
        self._witness.log(f"node {node.number} is paused")
        with trio.move_on_after(seconds):
            await trio.sleep(SILENT)
            self._silent.add(node)
            self.stir()
            await trio.sleep_forever()
        node.woke = trio.current_time()
        self._witness.log(f"node {node.number} wakes")
        self._troubles.felt("docledger", began, min(node.woke, began + SPOILT))
        node.awake.set()
        if node in self._silent:
            await trio.sleep(self._dice.choice(WAKING))
            view.deal(())
            self._silent.discard(node)
        self.stir()

    def asks(self, node: Node, key: str) -> None:
        """The auto-save of a node asks for a document: it is the one that has it, but for one mistake."""
        owner, now = self._owners.get(shard_of(key)), trio.current_time()
        if owner is node or self._moved == now:
            return
        stray = (node, node.woke, key)
        if now - node.woke > max(WAKING) or stray in self._strays:
            whose = owner.number if owner else "nobody"
            self._witness.wrong(f"node {node.number} auto-saved {key}, which is {whose}'s")
        self._strays.add(stray)
        self._witness.log(f"a stray forcesave for {key}")
