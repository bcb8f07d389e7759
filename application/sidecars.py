"""What is known of an offer that the journal has not taken yet: enough to record it later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.commands import CommitOffer, TakeOffer, TakeStored, taken


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A verified offer of the Document Server, under its key, and the bytes it offered once we have them."""

    key: str
    offer: TakeOffer
    stored: CommitOffer | None = None

    @property
    def id(self) -> str:
        return f"{self.key}_{self.offer.offer}"

    @property
    def command(self) -> TakeOffer | TakeStored:
        """What the document is to be told."""
        return self.offer if self.stored is None else taken(self.offer, self.stored)


class Sidecars(Protocol):
    """On the local disk, whatever the journal and the blob store do."""

    async def put(self, sidecar: Sidecar) -> None:
        """Durable on return; a later one of the same id replaces it. Raises StorageFailed."""
        ...

    async def drop(self, id_: str) -> None:
        """Also when there is none. Raises StorageFailed."""
        ...

    def holds(self, key: str) -> bool:
        """Whether a save of the key waits: until it is recorded nobody knows how its session ended."""
        ...

    def tells(self, sidecar: Sidecar) -> bool:
        """Whether it is for us to tell the desk, and for no other process that shares the disk."""
        ...

    async def waiting(self) -> Sequence[Sidecar]:
        """Those of other processes that share the disk as well. Raises StorageFailed."""
        ...
