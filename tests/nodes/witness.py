"""A node in a process of its own, which writes down what it believes at the moment it begins to."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

import trio

from infrastructure.journal.postgres.connections import Overdue
from infrastructure.nodes.agreeing import Terms
from infrastructure.nodes.entering import Way
from infrastructure.nodes.member import Member, since_boot
from infrastructure.nodes.session import PostgresSession

TERMS = Terms("a witness", json.dumps({"salt": "", "digests": {}}))
LOOK = 0.05  # seconds


class Witness(Member):
    def __init__(self, path: str) -> None:
        super().__init__()
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def _believe(self, shards: frozenset[int], heard: float) -> None:
        super()._believe(shards, heard)
        self.write(shards=sorted(shards), heard=heard)

    async def look(self) -> None:
        """As whoever is about to do something for a document."""
        while True:
            self.write(sees=len(self.shards))
            await trio.sleep(LOOK)

    def write(self, **what: Any) -> None:
        os.write(self._file, json.dumps({"at": since_boot(), **what}).encode() + b"\n")


async def main(url: str, path: str) -> None:
    witness = Witness(path)
    with trio.open_signal_receiver(signal.SIGTERM) as stops:
        session = await PostgresSession.enter(Way(url, Overdue()), lambda _: TERMS)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(witness.run, session)
            nursery.start_soon(witness.look)
            await anext(aiter(stops))
            nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(main, *sys.argv[1:])
