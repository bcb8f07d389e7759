"""Offers that the journal cannot take, or whose key it does not know: their bytes are made safe anyway."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, field, replace
from math import inf

import trio

from application import about
from application.desk import Desk, Unavailable
from application.fetching import Fetch, Outcome
from application.journal import JournalFailed
from application.ports import StorageFailed
from application.sidecars import Sidecar
from application.world import World
from domain.commands import CommitOffer, TakeOffer
from domain.deciding import offered
from domain.words import Next

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Errand:
    fetch: Fetch
    over: trio.Event = field(default_factory=trio.Event)


class Spool:
    """Sidecars wait on the local disk and are told to the desk as soon as it listens again."""

    def __init__(self, nursery: trio.Nursery, desk: Desk, world: World) -> None:
        self._nursery = nursery
        self._desk = desk
        self._world = world
        self._errands: dict[str, Errand] = {}
        self._put = trio.Event()

    async def secure(self, key: str, command: TakeOffer) -> None:
        """Until the bytes are safe or past hope. It goes on when the asker stops waiting."""
        sidecar = Sidecar(key, command)
        errand = self._errands.get(sidecar.id)
        if errand:
            errand.fetch.renew(command)
        elif await self._is_safe(sidecar.id):
            return  # what it is must not be forgotten for another attempt, which may fail
        await (errand or self._begin(sidecar)).over.wait()

    async def run(self) -> None:
        """For ever: what a former life left, then what this one puts aside."""
        while True:
            waiting = await self._deliver_all()
            with trio.move_on_after(self._world.patience.spool if waiting else inf):
                await self._put.wait()
            self._put = trio.Event()

    def nudge(self) -> None:
        """There are sidecars that were not put by us."""
        self._put.set()

    async def waiting(self) -> int:
        """How many saves the journal has not taken yet. Raises StorageFailed."""
        return len(await self._world.sidecars.waiting())

    async def _is_safe(self, id_: str) -> bool:
        try:
            waiting = await self._world.sidecars.waiting()
        except StorageFailed as trouble:
            logger.error("the sidecars cannot be read: %s", trouble)
            return False
        return any(sidecar.id == id_ and sidecar.stored for sidecar in waiting)

    def _begin(self, sidecar: Sidecar) -> Errand:
        fetch = Fetch(sidecar.key, offered(sidecar.offer, ""), self._world)
        errand = self._errands[sidecar.id] = Errand(fetch)
        self._nursery.start_soon(self._run, sidecar, errand)
        return errand

    async def _run(self, sidecar: Sidecar, errand: Errand) -> None:
        async def report(outcome: Outcome) -> bool:
            if isinstance(outcome, CommitOffer):
                return await self._keep(replace(sidecar, stored=outcome))
            if outcome.next is Next.RETRY:
                return False
            await self._world.sidecars.drop(sidecar.id)  # what it came to is in the log, or in quarantine
            return True

        about.only(key=sidecar.key)
        try:
            await self._keep(sidecar)  # should we be killed before the bytes are here
            await errand.fetch.run(report)
        except Exception:  # one offer's misfortune must not take all documents along
            logger.exception("%s: an offer could not be made safe", sidecar.key)
        finally:
            del self._errands[sidecar.id]
            errand.over.set()

    async def _keep(self, sidecar: Sidecar) -> bool:
        try:
            await self._world.sidecars.put(sidecar)
        except StorageFailed as trouble:
            logger.critical("%s: the disk does not take what is known of a save: %s", sidecar.key, trouble)
            return False
        if sidecar.stored is None or not await self._deliver(sidecar):
            self._put.set()
        return True

    async def _deliver_all(self) -> bool:
        """Whether some have to wait on."""
        try:
            sidecars = await self._world.sidecars.waiting()
        except StorageFailed as trouble:
            logger.error("the sidecars cannot be read: %s", trouble)
            return True
        ours = filter(self._world.sidecars.tells, sidecars)
        left = [sidecar for sidecar in ours if not await self._deliver(sidecar)]
        if left:
            logger.error("%d saves wait for the journal", len(left))
        return bool(left)

    async def _deliver(self, sidecar: Sidecar) -> bool:
        """Whether it is recorded, or its bytes are in quarantine."""
        try:
            known = await self._desk.ask(sidecar.key, sidecar.command) is not None
            if known or await self._quarantine(sidecar):
                await self._world.sidecars.drop(sidecar.id)
                return True
        except (Unavailable, JournalFailed, StorageFailed) as trouble:
            logger.warning("%s: a save cannot be recorded yet: %s", sidecar.key, trouble)
        if sidecar.stored is None and sidecar.id not in self._errands:
            self._begin(sidecar)  # a former life had no time for it
        return False

    async def _quarantine(self, sidecar: Sidecar) -> bool:
        """Bytes for a key that was never ours; False while there are none."""
        if sidecar.stored is None:
            return False
        note = {**asdict(sidecar.offer), "key": sidecar.key, "reason": "unknown key"}
        await self._world.blobs.quarantine(sidecar.stored.sha256, sidecar.id, note)
        logger.critical("%s: bytes for a key that was never ours are in quarantine", sidecar.key)
        return True
