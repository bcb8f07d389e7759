"""An object store as the tests use it."""

from __future__ import annotations

from pathlib import Path

from obstore.store import ObjectStore

from infrastructure.blobs import LocalBlobs
from infrastructure.object_store import Bucket, ObjectBlobs
from infrastructure.object_store.cache import Cache
from infrastructure.object_store.objects import Objects


def objects_in(store: ObjectStore, folder: Path, room: int = 10**9) -> ObjectBlobs:
    """With overflow and cache in the folder."""
    overflow = LocalBlobs(folder / "overflow")
    return ObjectBlobs(Bucket(Objects(store)), overflow, Cache(folder / "cache", room))
