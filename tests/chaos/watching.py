"""The database as it is during a run: whose each shard is, and which save was offered last."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psycopg
import trio

from tests.chaos.ownership import Holdings
from tests.nodes.held import HELD

LOOK = 0.05  # seconds between two looks
PATIENCE = 2  # seconds for one

OFFERED = """SELECT coalesce(max(position), 0) FROM stored_events WHERE topic LIKE '%SaveOffered%'
    AND position > (SELECT max(position) - 500 FROM stored_events)"""


class Watch:
    def __init__(self, url: str, ports: Sequence[int]) -> None:
        """The nodes listen on these ports, by which they are known to each other."""
        self.holdings = Holdings()
        self.offered: int | None = None
        self.looks = 0
        self._url, self._ports = url, ports
        self._connection: psycopg.Connection[Any] | None = None

    async def run(self) -> None:
        """Until cancelled. A database that is away has nobody's shards."""
        while True:
            await trio.to_thread.run_sync(self._look, abandon_on_cancel=True)
            await trio.sleep(LOOK)

    def _look(self) -> None:
        began, held = time.time(), dict[int, Sequence[int]]()
        try:
            connection = self._connection = self._connection or self._connect()
            held = {self._node(name): shards for name, shards in connection.execute(HELD).fetchall()}
            row = connection.execute(OFFERED).fetchone()
            self.offered = int(row[0]) if row else None
            self.looks += 1
        except psycopg.Error:
            if self._connection:
                with suppress(psycopg.Error):
                    self._connection.close()
            self._connection = self.offered = None
        self.holdings.see(began, time.time(), held)

    def _node(self, name: str) -> int:
        return self._ports.index(int(name.rpartition(":")[2]))

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            self._url,
            autocommit=True,
            connect_timeout=PATIENCE,
            options=f"-c statement_timeout={PATIENCE}s -c lock_timeout={PATIENCE}s",
        )
