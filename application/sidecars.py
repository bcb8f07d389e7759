"""What is known of stored bytes that the journal has not taken yet: enough to record them later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.commands import TakeOffer, TakeStored


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A verified offer of the Document Server, under its key, and the bytes that it offered."""

    key: str
    stored: TakeStored

    @property
    def id(self) -> str:
        return f"{self.key}_{self.stored.offer.offer}"


def sidecar_id(key: str, offer: TakeOffer) -> str:
    return f"{key}_{offer.offer}"


class Sidecars(Protocol):
    """On the local disk, whatever the journal and the blob store do."""

    async def put(self, sidecar: Sidecar) -> None:
        """Durable on return; a later one of the same id replaces it. Raises StorageFailed."""
        ...

    async def drop(self, id_: str) -> None:
        """Also when there is none. Raises StorageFailed."""
        ...

    async def waiting(self) -> Sequence[Sidecar]:
        """Raises StorageFailed."""
        ...
