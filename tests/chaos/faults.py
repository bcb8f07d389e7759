"""The plan carried out: every fault at its moment, each in a task of its own, all made good at the end."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from itertools import repeat
from pathlib import Path

import httpx
import trio

from tests.chaos.breaking import Breaking
from tests.chaos.docledger import Docledger
from tests.chaos.marks import first_content
from tests.chaos.people import Desktop
from tests.chaos.plan import After, Fault, Kind, filetype
from tests.chaos.processes import Say, Server
from tests.chaos.server import DocumentServer

PATIENCE = 5.0  # seconds that a kill waits for the save that it is to strike
TRIES = 20  # at what needs a server that is just being started
AGAIN = 0.5  # seconds between two of them


@dataclass(slots=True)
class Faults:
    nodes: Sequence[Server]
    breaking: Breaking
    server: Server
    api: Docledger
    control: DocumentServer
    desktop: Desktop
    say: Say
    uploads: list[tuple[str, str]] = field(default_factory=list)  # file and sha256, once answered
    visits: list[tuple[str, float, float]] = field(default_factory=list)  # file, and from when to when

    async def carry_out(self, plan: Sequence[Fault]) -> None:
        async with trio.open_nursery() as nursery:
            for fault in plan:
                nursery.start_soon(self._at_its_moment, fault)

    async def _at_its_moment(self, fault: Fault) -> None:
        await trio.sleep(fault.at)
        self.say(str(fault))
        match fault.kind:
            case Kind.KILL:
                await self._kill(fault)
            case Kind.KILL_SERVER:
                await self.server.kill(fault.seconds, repeat(True), 0)
            case Kind.CONTROL:
                await self._tell(fault)
            case Kind.UPLOAD | Kind.RESTORE:
                await self._from_outside(fault)
            case _:
                await self.breaking.suffer(fault)

    async def _kill(self, fault: Fault) -> None:
        struck = self.nodes if fault.node is None else [self.nodes[fault.node]]
        async with trio.open_nursery() as nursery:
            for node in struck:
                nursery.start_soon(node.kill, fault.seconds, self._struck(fault.after), PATIENCE)

    def _struck(self, after: After) -> Iterator[bool]:
        """Again and again whether it is time to kill."""
        match after:
            case After.OFFER:
                return _grown(self.breaking.last_offer)
            case After.ANSWER:
                return _grown(lambda: _size(self.control.offers_file))
        return repeat(True)

    async def _tell(self, fault: Fault) -> None:
        key = None if fault.document is None else self.desktop.keys.get(fault.document)
        if fault.document is None or key is not None:  # else nobody could open it yet
            await _until_heard(partial(self.control.fault, fault.control, key), httpx.TransportError)

    async def _from_outside(self, fault: Fault) -> None:
        """Somebody who does not edit; refused by a server that is down, they come again."""
        change = self._upload if fault.kind is Kind.UPLOAD else self._restore
        began = time.time()
        await _until_heard(partial(change, fault), httpx.HTTPError)
        self.visits.append((self.desktop.files[fault.document or 0], began, time.time()))

    async def _restore(self, fault: Fault) -> None:
        file = self.desktop.files[fault.document or 0]
        versions = await self.api.versions(file)
        await self.api.restore(file, versions[int(fault.which * len(versions))]["number"])

    async def _upload(self, fault: Fault) -> None:
        document = fault.document or 0
        content = first_content(filetype(document), self.desktop.new_mark(document, "outside"))
        await self.api.upload(self.desktop.files[document], content)
        self.uploads.append((self.desktop.files[document], sha256(content).hexdigest()))


async def _until_heard(ask: Callable[[], Awaitable[None]], deaf: type[Exception]) -> None:
    for _ in range(TRIES):
        try:
            return await ask()
        except deaf:
            await trio.sleep(AGAIN)
    return None


def _grown(measure: Callable[[], int | None]) -> Iterator[bool]:
    before: int | None = None
    while True:
        with suppress(OSError):
            now = measure()
            if before is not None and now is not None and now > before:
                yield True
            before = before if now is None else now
        yield False


def _size(path: Path) -> int:
    return path.stat().st_size
