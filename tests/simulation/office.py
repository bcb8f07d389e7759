"""Lives of the Document Server: the stand-in's own core, in memory, crashed and started again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import trio

from infrastructure.standin import commands, converter
from infrastructure.standin.config import StandinConfig
from infrastructure.standin.faults import Fault
from infrastructure.standin.server import Standin
from infrastructure.standin.store import Store
from tests.simulation.machine import Machine
from tests.simulation.node import NOON
from tests.simulation.troubles import Troubles
from tests.simulation.witness import Witness

BASE = "http://office"
CONFIG = StandinConfig(secret="simulated", jwt=False)


class Office:
    def __init__(self, witness: Witness, troubles: Troubles, *, as_origin: bool = True) -> None:
        self.config = replace(CONFIG, as_origin=as_origin)
        self.machine = Machine()
        self.witness, self.troubles = witness, troubles
        self.restarted: Callable[[], None] = lambda: None
        self.skew = 0.0  # seconds that the server's clock is ahead of ours
        self.set_back = False  # at some time, its clock was
        self.line: Any = None
        witness.editors = self.editors
        self._dice = Random(1)
        self.standin: Standin
        self._rest = 0.0

    def now(self) -> float:
        return NOON.timestamp() + trio.current_time() + self.skew

    def set_clock(self, skew: float) -> None:
        self.set_back = self.set_back or skew < self.skew
        self.skew = skew

    async def run(self) -> None:
        with Store() as store:
            store.shelf("settings").put("url secret", {"secret": "simulated"})
            while True:
                await self._live(store)
                down = trio.current_time()
                await trio.sleep(self._rest)
                self.troubles.felt("office", down, trio.current_time())

    async def _live(self, store: Store) -> None:
        """One process; the store is what a crash leaves."""
        client = cast(httpx.AsyncClient, self.line)
        async with self.machine.on() as nursery:
            self.standin = Standin.create(self.config, client, nursery, now=self.now, store=store)
            self.standin.results.number = self._dice.randrange
            self.witness.log("office is up")
            self.restarted()
            await trio.sleep_forever()

    def crash(self, rest: float) -> None:
        self._rest = rest
        if self.machine.up:
            self.witness.log("office crashes")
            self.machine.off()

    def text(self, key: str) -> str:
        room = self.standin.rooms.get(key)
        return room.text if room else ""

    def editors(self, key: str) -> list[str]:
        room = self.standin.rooms.get(key) if self.machine.up else None
        return room.users if room else []

    def doom(self, kind: str, times: int) -> None:
        """The next documents cannot be assembled."""
        self.standin.faults.order(Fault("assembly", kind, times=times))

    async def command(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        errand = partial(commands.execute, self.standin, parameters, BASE)
        if self.machine.up and not self._waits(parameters):
            await trio.lowlevel.checkpoint()
            return await errand()
        return await self.machine.call(errand)

    async def convert(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return await self.machine.call(partial(converter.convert, self.standin, parameters, BASE))

    def _waits(self, parameters: Mapping[str, Any]) -> bool:
        """Whether the command waits for our own callback, so that it may outlive who asks."""
        room = self.standin.rooms.get(parameters["key"])
        again = room is not None and room.refused_forcesave() is not None
        return parameters["c"] == "info" or again

    def result(self, url: str) -> bytes:
        """Raises Expired, Forbidden, Missing."""
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        md5, expires = query["md5"][0], query["expires"][0]
        return self.standin.results.find(unquote(parts.path), md5, expires, self.now()).content

    def offered(self, claims: Mapping[str, Any]) -> bytes | None:
        return self.result(claims["url"]) if "url" in claims else None

    def spare(self) -> None:
        """Everything can be assembled again."""
        self.standin.faults.clear()
