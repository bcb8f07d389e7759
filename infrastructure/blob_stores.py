"""The blob store that the settings name, with the local disk behind it."""

from __future__ import annotations

from infrastructure.blobs import LocalBlobs
from infrastructure.durable import plainly
from infrastructure.object_store import HASTY, PATIENT, ObjectBlobs, bucket_at
from infrastructure.object_store.cache import Cache
from infrastructure.overflow import OverflowBlobs
from infrastructure.settings import Settings


def blobs_of(settings: Settings) -> OverflowBlobs:
    """An object store is not asked yet. Raises StorageFailed."""
    overflow = LocalBlobs(settings.data_dir / "overflow")
    if settings.uses_object_store:
        return _in_object_store(settings, overflow)
    mode = 0o640 if settings.accel_redirect else 0o600  # nginx reads them as one of our group
    return OverflowBlobs(LocalBlobs(settings.blobs_path, mode=mode), overflow)


def _in_object_store(settings: Settings, overflow: LocalBlobs) -> OverflowBlobs:
    url, authorities = settings.blob_url, settings.ca_bundle
    with plainly("the cache of the blob store", "be prepared"):
        cache = Cache(settings.data_dir / "cache")
    store = ObjectBlobs(bucket_at(url, HASTY, authorities), overflow, cache)
    patient = ObjectBlobs(bucket_at(url, PATIENT, authorities), overflow, cache, grace=None)
    return OverflowBlobs(store, overflow, patient=patient)
