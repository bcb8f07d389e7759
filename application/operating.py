"""What an operator asks of the running service: how it is, and to get ready for a stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from application.desk import Desk
from application.draining import Drained, drain
from application.files import Forbidden
from application.journal import DocumentRow, JournalFailed
from application.opening import Door
from application.ports import StorageFailed
from application.spool import Spool
from application.trust import Trust
from application.world import World
from domain.document import EDITING, SAVING

UNSAVED = frozenset({EDITING, SAVING})
ONE_DOOR = (
    "With several nodes the others would let people in again. Stop the nodes one after the other instead: "
    "each saves what it looks after."
)


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
    shards: int  # of 64: the share of the open documents that is looked after here
    nodes: int  # that live, with this one
    nodes_silence: float  # seconds since it was last heard which do


@dataclass(frozen=True, slots=True)
class Operating:
    desk: Desk
    world: World
    door: Door
    spool: Spool
    trust: Trust

    async def drain(self, seconds: float, *, close: bool) -> Drained:
        """Save all that is unsaved, whichever node looks after it.

        `close` lets nobody in until the next start, and sends people out. Raises Forbidden, JournalFailed.
        """
        if close and self.world.nodes.others:
            raise Forbidden(ONE_DOOR)
        self.door.shut = self.door.shut or close
        several = self.world.nodes.several
        keys = _unsaved(await self.world.journal.open_documents()) if several else self.desk.unsaved()
        return await drain(self.desk, self.world, seconds, close=close, keys=keys)

    async def status(self) -> Status:
        """Of this node, but open and unsaved is what it is on any."""
        states, nodes = await self._states(), self.world.nodes
        return Status(
            open_documents=None if states is None else sum(states.values()),
            unsaved=_unsaved_in(states) if states and nodes.several else len(self.desk.unsaved()),
            kept_at_server=self.desk.kept_at_server(),
            waiting_saves=await self._waiting(),
            clock_skew=self.trust.skew,
            secret_refused=self.trust.refused,
            forged_callbacks=self.trust.forged,
            shut=self.door.shut,
            shards=len(nodes.shards),
            nodes=1 + nodes.others,
            nodes_silence=nodes.silence,
        )

    async def _states(self) -> Mapping[str, int] | None:
        try:
            return await self.world.journal.open_counts()
        except JournalFailed:
            return None

    async def _waiting(self) -> int | None:
        try:
            return await self.spool.waiting()
        except StorageFailed:
            return None


def _unsaved_in(states: Mapping[str, int]) -> int:
    return sum(number for state, number in states.items() if state in UNSAVED)


def _unsaved(rows: Sequence[DocumentRow]) -> list[str]:
    return [row.key for row in rows if row.state in UNSAVED]
