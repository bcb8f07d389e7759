"""After the faults: everything is mended, everybody has left, and all that waits is given time to arrive."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

import httpx
import trio

from tests.chaos.docledger import Docledger
from tests.chaos.people import Desktop, look_in
from tests.chaos.processes import Say
from tests.chaos.server import DocumentServer

LONGEST = 240.0  # seconds
POLL = 0.5
STUCK = 6.0  # seconds that a document may stay as it is before somebody looks in
VISIT = 2.5  # seconds
AT_ONCE = 10  # documents that are visited together
QUIET_IN_A_ROW = 4  # so many looks must find nothing, since a save is on its way between the two servers


@dataclass(slots=True)
class Settling:
    api: Docledger
    control: DocumentServer
    desktop: Desktop
    say: Say
    _since: dict[str, float] = field(default_factory=dict)  # file -> when it was first seen unsettled

    async def settle(self) -> list[str]:
        """What was still not settled when patience ended: nothing, if all is well."""
        unsettled = ["nothing was heard"]
        quiet = 0
        with trio.move_on_after(LONGEST):
            while quiet < QUIET_IN_A_ROW:
                with suppress(httpx.HTTPError):
                    unsettled = await self._unsettled()
                    quiet = 0 if unsettled else quiet + 1
                    await self._look_into(self._stuck(unsettled))
                await trio.sleep(POLL)
        return unsettled

    async def _unsettled(self) -> list[str]:
        """Files with anything unsaved, by id; a key that Docledger does not know stands for itself."""
        state = await self.control.state()
        waiting = {key for key, room in state["rooms"].items() if room["unsaved"] or room["users"]}
        files = {await self._file(key) for key in waiting | set(state["forgotten"])}
        files |= {document["file_id"] for document in await self.api.open_documents()}
        errands = ["an errand of the server"] if state["errands"] else []
        return sorted(files) + errands

    async def _file(self, key: str) -> str:
        document = await self.api.document(key)
        return document["file_id"] if document else key

    def _stuck(self, unsettled: Iterable[str]) -> list[str]:
        now = trio.current_time()
        self._since = {file: self._since.get(file, now) for file in unsettled}
        return [file for file, since in self._since.items() if now - since > STUCK]

    async def _look_into(self, stuck: Iterable[str]) -> None:
        """Orphaned edits come out when somebody opens the document and leaves."""
        ours = [file for file in stuck if file in self.desktop.files][:AT_ONCE]
        if not ours:
            return
        self.say(f"looking into {len(ours)} documents that did not settle")
        async with trio.open_nursery() as nursery:
            for file in ours:
                self._since[file] = trio.current_time() + VISIT
                nursery.start_soon(look_in, self.desktop, self.desktop.files.index(file), VISIT)
