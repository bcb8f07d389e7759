"""Where a service keeps what is backed up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infrastructure.depots import Depot, FolderDepot, depot_of
from infrastructure.migrating.blobs import ways
from infrastructure.settings import Settings


@dataclass(frozen=True, slots=True)
class Places:
    database: Path | str
    store: Depot
    blobs: Path | None  # the store's folder, if it is one
    data: Path
    checkpoint_key: Path

    @classmethod
    def of(cls, settings: Settings) -> Places:
        """Raises StorageFailed."""
        return cls(
            settings.database,
            depot_of(settings),
            None if settings.uses_object_store else settings.blobs_path,
            settings.data_dir,
            settings.checkpoint_key,
        )

    @classmethod
    def within(cls, data: Path) -> Places:
        """Everything where it is unless settings say otherwise."""
        blobs = data / "blobs"
        return cls(data / "docledger.db", FolderDepot(blobs), blobs, data, data / "checkpoint.key")

    @property
    def overflow(self) -> Depot:
        return FolderDepot(self.data / "overflow")

    @property
    def quarantine(self) -> str:
        """To be shown."""
        return str(self.blobs / "quarantine") if self.blobs else "quarantine/ in the object store"

    def bytes_at(self) -> Sequence[Depot]:
        """Bytes move between these, in this order."""
        return ways(self.overflow, self.store, self.blobs)
