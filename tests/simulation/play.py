"""One history, from its first step to its reckoning: who does what, and how all is healed in the end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from math import inf

import trio

from application.files import NotFound, WrongType
from application.journal import JournalFailed, StaleWrite
from application.ports import StorageFailed
from domain.file import EVERYBODY
from domain.words import Access, Mode
from tests.simulation.cluster import Cluster
from tests.simulation.docledger import Docledger
from tests.simulation.history import FILES, Step
from tests.simulation.invariants import Reckoning
from tests.simulation.machine import Cut
from tests.simulation.node import Node
from tests.simulation.office import Office
from tests.simulation.pages import Town
from tests.simulation.troubles import Troubles
from tests.simulation.wire import Line, chunks
from tests.simulation.witness import Witness

HOUR = 3600.0
NOT_NOW = (Cut, JournalFailed, StaleWrite, StorageFailed, NotFound, WrongType)


class Play:
    def __init__(self, policy: str, *, office_xml: bool = False, nodes: int = 1, seed: int = 0) -> None:
        self.troubles, self.witness = Troubles(), Witness()
        self.docledger = Docledger(policy, self.troubles, self.witness, nodes, seed)
        self.office = Office(self.witness, self.troubles, as_origin=not office_xml)
        self.office.line = Line(self.docledger, self.office)
        self.docledger.connect(self.office)
        self.town = Town(self.docledger, self.office, self.witness)
        self.reckoning: Reckoning
        self.faults: list[str] = []

    async def run(self, steps: list[Step]) -> None:
        async with trio.open_nursery() as self.nursery:
            self.office.restarted = self._reconnect
            self.nursery.start_soon(self.office.run)
            self.nursery.start_soon(self.docledger.run)
            await trio.testing.wait_all_tasks_blocked()
            for number in range(FILES):
                await self._add_file(number)
            for step in steps:
                self._do(step)
                await trio.sleep(step[-1])
            await self._heal()
            self.reckoning = Reckoning(self.docledger, self.office)
            self.faults = self.reckoning.faults()
            self.nursery.cancel_scope.cancel()

    async def _add_file(self, number: int) -> None:
        files, ada = self.docledger.nodes[0].files, self.town.people[0]
        blob = await files.store(chunks(f"file {number}\n".encode()))
        row = await files.add(f"plan{number}.txt", blob, ada)
        await files.share(row.id, EVERYBODY, "everybody", Access.EDIT, ada)
        self.town.files.append(row.id)

    def _do(self, step: Step) -> None:
        self.witness.log(f"-- {step}")
        match step:
            case ("type" | "save" | "leave" | "vanish" | "nap" | "view", user, file, _):
                self.nursery.start_soon(getattr(self, f"_{step[0]}"), user, file)
            case ("upload" | "restore", number, file, _):
                self.nursery.start_soon(getattr(self, f"_{step[0]}"), number, file)
            case ("trouble", ("assembly", kind), times, _, _):
                self.office.doom(kind, times)
                self.troubles.felt("assembly", trio.current_time(), inf)
            case ("trouble", (where, kind), times, seconds, _):
                self.troubles.plan(where, kind, times, seconds)
                if (where, kind) == ("journal", "down") and self.docledger.cluster:
                    self.docledger.journal.stir()
            case ("kill", moment, ticks, rest, _):
                self.docledger.one().kill(moment, ticks, rest)
            case ("stop" | "shut" as how, rest, _):
                self.docledger.one().stop(rest, shut=how == "shut")
            case ("pause", seconds, _):
                self.nursery.start_soon(self._cluster.pause, self.docledger.one(), seconds)
            case ("move", _):
                self._cluster.rotate()
            case ("crash", rest, _):
                self.office.crash(rest)
            case ("wait", _):
                pass
            case ("clock", skew, _):
                self._set_clock(float(skew))
            case _:
                raise ValueError(step)

    def _set_clock(self, skew: float) -> None:
        """By which urls that live may die, so that it is a trouble like others."""
        now = trio.current_time()
        self.troubles.felt("clock", now, now)
        for offer in self.witness.offers.values():
            offer.expires -= skew - self.office.skew
        self.office.set_clock(skew)

    async def _type(self, user: int, file: int) -> None:
        if page := await self.town.page(user, file):
            page.type()

    async def _view(self, user: int, file: int) -> None:
        await self.town.page(user, file, Mode.VIEW)

    async def _save(self, user: int, file: int) -> None:
        if page := await self.town.page(user, file):
            page.save()

    async def _leave(self, user: int, file: int) -> None:
        if page := self.town.gone(user, file):
            page.leave()

    async def _vanish(self, user: int, file: int) -> None:
        if page := self.town.gone(user, file):
            await page.vanish()

    async def _nap(self, user: int, file: int) -> None:
        """Falls asleep, or wakes up."""
        page = self.town.pages.get((user, file))
        if page is None or page.session is None:
            return
        page.asleep = not page.asleep
        if page.asleep:
            await page.vanish()
        elif not page.connected and not await page.reconnect():
            self.town.gone(user, file)

    async def _upload(self, number: int, file: int) -> None:
        ada, mark = self.town.people[0], self.witness.new_mark()

        async def put(node: Node) -> None:
            blob = await node.files.store(chunks(f"upload {mark}\n".encode()))
            await node.replacing.put(self.town.files[file], blob, ada, expected=None)
            self.witness.typed(mark, "an upload")

        await self._try(put)

    async def _restore(self, number: int, file: int) -> None:
        ada, id_ = self.town.people[0], self.town.files[file]

        async def restore(node: Node) -> None:
            row = await node.files.get(id_, ada)
            await node.replacing.restore(id_, number % row.file.last + 1, ada)

        await self._try(restore)

    async def _try(self, errand: Callable[[Node], Awaitable[None]]) -> None:
        node = self.docledger.one()
        with node.asking.exempted(), suppress(*NOT_NOW):
            await node.call(lambda: errand(node))

    @property
    def _cluster(self) -> Cluster:
        assert self.docledger.cluster
        return self.docledger.cluster

    def _reconnect(self) -> None:
        for place, page in list(self.town.pages.items()):
            if not page.asleep and page.session:
                self.nursery.start_soon(self._come_back, place)

    async def _come_back(self, place: tuple[int, int]) -> None:
        await trio.sleep(1)
        page = self.town.pages.get(place)
        lost = page and page.session and not page.asleep and not page.connected
        if page and lost and not await page.reconnect():
            self.town.gone(*place)

    async def _heal(self) -> None:
        """Everything works again, everybody leaves, orphans are opened and left once more; hours pass."""
        self.witness.log("-- heal")
        for node in self.docledger.nodes:
            node.spare()
        self.office.spare()
        await self.troubles.outlast()
        await trio.sleep(1)  # who is about to be killed is killed
        for node in self.docledger.nodes:
            await node.awake.wait()
            await node.machine.started()
        await self.office.machine.started()
        await trio.sleep(90)  # three intervals of the auto-save
        for place in list(self.town.pages):
            await self._leave(*place)
        await trio.sleep(HOUR / 3)
        await self._cure_orphans()
        await trio.sleep(HOUR / 4)
        if len(self.office.standin.forgotten) or await self.docledger.journal.open_documents():
            await trio.sleep(HOUR)  # what was no document is looked at again after an hour
            await self._cure_orphans()
            await trio.sleep(HOUR / 2)

    async def _cure_orphans(self) -> None:
        rows = await self.docledger.journal.open_documents()
        for file in dict.fromkeys(row.file for row in rows):
            place = (0, self.town.files.index(file))
            await self.town.page(*place)
            await trio.sleep(60)
            await self._leave(*place)
