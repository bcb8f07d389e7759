"""Docledger as the others see it: one process, or several nodes and what spreads requests over them."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

import trio

from tests.simulation.cluster import Cluster
from tests.simulation.node import Node
from tests.simulation.office import Office
from tests.simulation.storage import DoomedBlobs, DoomedJournal
from tests.simulation.troubles import Troubles
from tests.simulation.wire import ServerPort
from tests.simulation.witness import Asking, Witness

T = TypeVar("T")


class Docledger:
    """What a life leaves behind is the journal and the blobs, nothing else."""

    def __init__(self, policy: str, troubles: Troubles, witness: Witness, size: int, seed: int) -> None:
        self.troubles, self.witness = troubles, witness
        self.durable = policy == "durable"
        self.journal = DoomedJournal(troubles=troubles, recorded=witness.recorded)
        self.store = DoomedBlobs("blobs", troubles)
        self.nodes = [
            Node(number, Asking(witness, number), self.journal, self.store, durable=self.durable)
            for number in range(size)
        ]
        self._dice = Random(seed)
        self.cluster = Cluster(self.nodes, troubles, witness, self._dice) if size > 1 else None

    def connect(self, office: Office) -> None:
        for node in self.nodes:
            node.server = ServerPort(node, self, office)

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            for node in self.nodes:
                nursery.start_soon(node.run)
            if self.cluster:
                nursery.start_soon(self.cluster.run)

    def one(self) -> Node:
        """Whom the next request goes to, or the next blow: one that is up, if there is any."""
        up = [node for node in self.nodes if node.machine.up]
        return self._dice.choice(up or self.nodes) if self.cluster else self.nodes[0]

    async def ask(self, what: Callable[[Node], Awaitable[T]]) -> T:
        """Of some node. Raises Cut, and what it raises."""
        node = self.one()
        return await node.call(lambda: what(node))

    def stored(self, content: bytes) -> bool:
        """Whether a version has these bytes, and they are there."""
        sha256 = hashlib.sha256(content).hexdigest()
        return sha256 in self.witness.versions and self.bytes(sha256) is not None

    def bytes(self, sha256: str) -> bytes | None:
        places = (self.store, *(node.overflow for node in self.nodes))
        return next((place.stored[sha256] for place in places if sha256 in place.stored), None)
