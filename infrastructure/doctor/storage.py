"""A look at disks, blobs, and what lies beside them. Blocking."""

from __future__ import annotations

import os
import secrets
import shutil
import statistics
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile

from application.doctor.seen import BlobTrip, Disk, Leftovers
from application.ports import Blob, StorageFailed
from infrastructure.depots import Depot, FolderDepot, depot_of
from infrastructure.durable import Draft
from infrastructure.object_store import HASTY, bucket_at
from infrastructure.settings import Settings

TRIES = 5
CONTENT = [b"docledger doctor" * 256]


def disks(settings: Settings) -> Iterator[Disk]:
    """One for each folder in use; what does not exist yet will be made in the nearest that does."""
    folders = {
        "DATA_DIR": settings.data_dir,
        **({} if settings.uses_postgres else {"DATABASE_URL": settings.database_path.absolute().parent}),
    }
    if not settings.uses_object_store:
        folders["BLOB_URL"] = settings.blobs_path
    seen: set[Path] = set()
    for setting, folder in folders.items():
        there = _existing(folder)
        if there not in seen:
            seen.add(there)
            yield _looked_at(setting, there)


def _existing(folder: Path) -> Path:
    return next((path for path in (folder, *folder.parents) if path.is_dir()), folder)


def _looked_at(setting: str, folder: Path) -> Disk:
    try:
        free = shutil.disk_usage(folder).free
        inodes = os.statvfs(folder)
        if inodes.f_files and not inodes.f_favail:
            return Disk(setting, str(folder), trouble="it can hold no more files, however small")
        sync = statistics.median(_durable_write(folder) for _ in range(TRIES))
        return Disk(setting, str(folder), free, sync)
    except OSError as error:
        return Disk(setting, str(folder), trouble=error.strerror or str(error))


def _durable_write(folder: Path) -> float:
    began = time.perf_counter()
    draft = Draft(folder, os.fsync, ".doctor")
    try:
        draft.write(CONTENT)
        draft.seal()
    finally:
        draft.discard()
    return time.perf_counter() - began


def object_trip(settings: Settings) -> BlobTrip:
    """A probe's through an object store."""
    url, stage, content = settings.blob_url, "kept", secrets.token_bytes(4096)
    blob = Blob(sha256(content).hexdigest(), len(content))
    try:
        bucket = bucket_at(url, HASTY, settings.ca_bundle)
        bucket.probe()
        with NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            bucket.keep(Path(file.name), blob)
        stage = "read back"
        if b"".join(bucket.chunks(blob.sha256)) != content:
            return BlobTrip(stage, "other bytes came back", url)
        stage = "discarded"
        if deletion := bucket.delete(blob.sha256, idle=0):
            deletion.carry_out()
        if bucket.size(blob.sha256) is not None:
            return BlobTrip(stage, "it is still there", url)
        return BlobTrip(objects=url, versioned=bucket.versioned)
    except StorageFailed as failure:
        return BlobTrip(stage, str(failure), url)


def left_here(settings: Settings) -> Leftovers:
    """Everything but what is at the Document Server."""
    sidecars, overflow = settings.data_dir / "sidecars", FolderDepot(settings.data_dir / "overflow")
    return Leftovers(
        forgotten=None,
        waiting=_count(sidecars, "*.json"),
        unreadable=_count(sidecars, "*.unreadable"),
        overflow=sum(1 for _ in overflow.all()),
        quarantined=_suspects(depot_of(settings, HASTY)) + _suspects(overflow),
    )


def _suspects(depot: Depot) -> int:
    """None of a store that fails: that is another check's to tell."""
    try:
        return sum(1 for _ in depot.notes())
    except StorageFailed:
        return 0


def _count(folder: Path, pattern: str) -> int:
    return sum(1 for _ in folder.glob(pattern))
