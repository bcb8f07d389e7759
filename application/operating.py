"""What an operator asks of the running service: how it is, and to get ready for a stop."""

from __future__ import annotations

from dataclasses import dataclass

from application.desk import Desk
from application.draining import Drained, drain
from application.journal import JournalFailed
from application.opening import Door
from application.ports import StorageFailed
from application.spool import Spool
from application.trust import Trust
from application.world import World


@dataclass(frozen=True, slots=True)
class Status:
    open_documents: int | None  # None: the journal cannot be read
    unsaved: int  # documents that are edited now or have a save under way
    kept_at_server: int  # documents whose changes only opening them again delivers
    waiting_saves: int | None  # stored saves that the journal has not taken; None: cannot be read
    clock_skew: float | None  # seconds by which the Document Server's clock is ahead
    secret_refused: bool  # by the Document Server
    forged_callbacks: int  # since the start
    shut: bool  # nobody is let in any more


@dataclass(frozen=True, slots=True)
class Operating:
    desk: Desk
    world: World
    door: Door
    spool: Spool
    trust: Trust

    async def drain(self, seconds: float, *, close: bool) -> Drained:
        """Save all that is unsaved; `close` lets nobody in until the next start, and sends people out."""
        self.door.shut = self.door.shut or close
        return await drain(self.desk, self.world, seconds, close=close)

    async def status(self) -> Status:
        return Status(
            open_documents=await self._open(),
            unsaved=len(self.desk.unsaved()),
            kept_at_server=self.desk.kept_at_server(),
            waiting_saves=await self._waiting(),
            clock_skew=self.trust.skew,
            secret_refused=self.trust.refused,
            forged_callbacks=self.trust.forged,
            shut=self.door.shut,
        )

    async def _open(self) -> int | None:
        try:
            return len(await self.world.journal.open_documents())
        except JournalFailed:
            return None

    async def _waiting(self) -> int | None:
        try:
            return await self.spool.waiting()
        except StorageFailed:
            return None
