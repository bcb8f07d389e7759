"""Offers that the journal cannot take, or whose key it does not know: their bytes are made safe anyway."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, field
from math import inf

import trio

from application.desk import Desk, Unavailable
from application.fetching import Fetch, Outcome, sidecar_of
from application.journal import JournalFailed
from application.ports import StorageFailed
from application.sidecars import Sidecar, sidecar_id
from application.world import World
from domain.commands import CommitOffer, TakeOffer
from domain.deciding import offered
from domain.events import SaveOffered
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
        id_ = sidecar_id(key, command)
        errand = self._errands.get(id_)
        if errand:
            errand.fetch.renew(command.url, command.changes_url)
        else:
            offer = offered(command, "")
            errand = self._errands[id_] = Errand(Fetch(key, offer, self._world))
            self._nursery.start_soon(self._run, id_, key, offer, errand)
        await errand.over.wait()

    async def run(self) -> None:
        """For ever: what a former life left, then what this one puts aside."""
        while True:
            waiting = await self._deliver_all()
            with trio.move_on_after(self._world.patience.spool if waiting else inf):
                await self._put.wait()
            self._put = trio.Event()

    async def waiting(self) -> int:
        """How many stored saves the journal has not taken yet. Raises StorageFailed."""
        return len(await self._world.sidecars.waiting())

    async def _run(self, id_: str, key: str, offer: SaveOffered, errand: Errand) -> None:
        async def report(outcome: Outcome) -> bool:
            if not isinstance(outcome, CommitOffer):
                return outcome.next is not Next.RETRY  # what it came to is in the log, or in quarantine
            return await self._keep(sidecar_of(key, offer, outcome))

        try:
            await errand.fetch.run(report)
        except Exception:  # one offer's misfortune must not take all documents along
            logger.exception("%s: an offer could not be made safe", key)
        finally:
            del self._errands[id_]
            errand.over.set()

    async def _keep(self, sidecar: Sidecar) -> bool:
        try:
            await self._world.sidecars.put(sidecar)
        except StorageFailed as trouble:
            logger.critical("%s: the disk does not take what is known of a save: %s", sidecar.key, trouble)
            return False
        if not await self._deliver(sidecar):
            self._put.set()
        return True

    async def _deliver_all(self) -> bool:
        """Whether some have to wait on."""
        try:
            sidecars = await self._world.sidecars.waiting()
        except StorageFailed as trouble:
            logger.error("the sidecars cannot be read: %s", trouble)
            return True
        left = [sidecar for sidecar in sidecars if not await self._deliver(sidecar)]
        if left:
            logger.error("%d stored saves wait for the journal", len(left))
        return bool(left)

    async def _deliver(self, sidecar: Sidecar) -> bool:
        key, stored = sidecar.key, sidecar.stored
        try:
            if await self._desk.ask(key, stored) is None:
                note = {**asdict(stored.offer), "key": key, "reason": "unknown key"}
                await self._world.blobs.quarantine(stored.sha256, sidecar.id, note)
                logger.critical("%s: bytes for a key that was never ours are in quarantine", key)
            await self._world.sidecars.drop(sidecar.id)
        except (Unavailable, JournalFailed, StorageFailed) as trouble:
            logger.warning("%s: a stored save cannot be recorded yet: %s", key, trouble)
            return False
        return True
