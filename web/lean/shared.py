"""What the lean connections of one service have in common: one task for what each needs only now and then."""

from __future__ import annotations

import time
from math import inf
from typing import TYPE_CHECKING

import trio
from hypercorn.config import Config
from hypercorn.trio.worker_context import WorkerContext

from web.connections import NEWCOMERS

if TYPE_CHECKING:
    from web.lean.connection import Lean
    from web.lean.cycle import Cycle


class Shared(WorkerContext):
    """Their headers, the end of those that idle, and the heads that are held back."""

    def __init__(self, config: Config) -> None:
        super().__init__(None)
        self._config = config
        self._idle: dict[Lean, float] = {}  # until when, in the order of that: they all have the same time
        self._held: set[Cycle] = set()
        self._flusher = trio.lowlevel.ParkingLot()
        self._second = 0
        self._headers: list[tuple[bytes, bytes]] = []

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Of every answer; they hold the date, to the second."""
        if (now := int(time.time())) != self._second:
            self._second, self._headers = now, self._config.response_headers("h11")
        return self._headers

    def begin_idling(self, connection: Lean) -> None:
        """It is closed unless it ends that in time."""
        self._idle[connection] = trio.current_time() + self._config.keep_alive_timeout

    def end_idling(self, connection: Lean) -> None:
        self._idle.pop(connection, None)

    def hold(self, cycle: Cycle) -> None:
        """Its head goes out with what follows at once, or else when the application has come to wait."""
        self._held.add(cycle)
        self._flusher.unpark()

    def release(self, cycle: Cycle) -> None:
        self._held.discard(cycle)

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._end_the_idle)
            while True:
                for cycle in self._held:
                    nursery.start_soon(cycle.flush)
                self._held.clear()
                await self._flusher.park()

    async def _end_the_idle(self) -> None:
        """Nobody who begins to idle while we sleep has to be ended before we wake."""
        while not self.terminated.is_set():
            latest = trio.current_time() + self._config.keep_alive_timeout
            with trio.move_on_at(next(iter(self._idle.values()), latest)):
                await self.terminated.wait()
            self._close_idle(trio.current_time())
        for connection in [idle for idle in self._idle if idle.requests]:
            self._close(connection)
        await trio.sleep(NEWCOMERS)
        self._close_idle(inf)

    def _close_idle(self, until: float) -> None:
        for connection, time_ in list(self._idle.items()):
            if time_ > until:
                break
            self._close(connection)

    def _close(self, connection: Lean) -> None:
        del self._idle[connection]
        connection.stream.socket.close()
