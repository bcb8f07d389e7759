"""After the faults: everything is mended, everybody has left, and all that waits is given time to arrive."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

import httpx
import trio

from tests.chaos.docledger import Docledger
from tests.chaos.people import Desktop, come_back, look_in
from tests.chaos.processes import Say
from tests.chaos.server import DocumentServer

LONGEST = 240.0  # seconds
POLL = 0.5
STUCK = 6.0  # seconds that a document may stay as it is before somebody looks in
STUCK_ON_NODES = (
    16.0  # they wait for 10 until they believe that all have left, and whoever looks in delays it
)
VISIT = 2.5  # seconds
LOOKS = 2  # by somebody new, before the tab comes back that had the document open
AT_ONCE = 10  # documents that are visited together
QUIET_IN_A_ROW = 4  # so many looks must find nothing, since a save is on its way between the two servers


@dataclass(slots=True)
class Waiting:
    """A file that is not settled."""

    since: float
    looks: int = 0  # how often somebody has looked in
    keys: set[str] = field(default_factory=set)  # under which the server has something unsaved


@dataclass(slots=True)
class Settling:
    api: Docledger
    control: DocumentServer
    desktop: Desktop
    say: Say
    stuck: float = STUCK
    stranded: set[str] = field(default_factory=set)  # keys whose edits only their own tab could bring
    _waiting: dict[str, Waiting] = field(default_factory=dict)  # by file

    async def settle(self) -> list[str]:
        """What was still not settled when patience ended: nothing, if all is well."""
        unsettled = ["nothing was heard"]
        quiet = 0
        with trio.move_on_after(LONGEST):
            while quiet < QUIET_IN_A_ROW:
                with suppress(httpx.HTTPError):
                    unsettled = await self._unsettled()
                    quiet = 0 if unsettled else quiet + 1
                    await self._look_into_stuck()
                await trio.sleep(POLL)
        return unsettled

    async def _unsettled(self) -> list[str]:
        """Files with anything unsaved, by id; a key that Docledger does not know stands for itself."""
        state = await self.control.state()
        keys = {key for key, room in state["rooms"].items() if room["unsaved"] or room["users"]}
        keys |= set(state["forgotten"])
        files = {document["file_id"]: set[str]() for document in await self.api.open_documents()}
        for key in keys:
            files.setdefault(await self._file(key), set()).add(key)
        now = trio.current_time()
        self._waiting = {file: self._waiting.get(file, Waiting(now)) for file in files}
        for file, waiting in self._waiting.items():
            waiting.keys = files[file]
        return sorted(files) + (["an errand of the server"] if state["errands"] else [])

    async def _file(self, key: str) -> str:
        document = await self.api.document(key)
        return document["file_id"] if document else key

    async def _look_into_stuck(self) -> None:
        """Orphaned edits come out when somebody opens the document and leaves."""
        now = trio.current_time()
        stuck = [file for file, waiting in self._waiting.items() if now - waiting.since > self.stuck]
        if not stuck:
            return
        self.say(f"looking into {len(stuck)} documents that did not settle")
        async with trio.open_nursery() as nursery:
            for file in stuck[:AT_ONCE]:
                waiting = self._waiting[file]
                waiting.since, waiting.looks = now + VISIT, waiting.looks + 1
                nursery.start_soon(self._look_into, file, waiting)

    async def _look_into(self, file: str, waiting: Waiting) -> None:
        if waiting.looks <= LOOKS and file in self.desktop.files:
            await look_in(self.desktop, self.desktop.files.index(file), VISIT)
            return
        for key in waiting.keys & self.desktop.tabs.keys():
            self.stranded.add(key)
            await come_back(self.desktop, key, VISIT)
