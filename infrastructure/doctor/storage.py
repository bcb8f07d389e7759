"""A look at disks, blobs, and what lies beside them. Blocking."""

from __future__ import annotations

import os
import shutil
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from application.doctor.seen import Disk, Leftovers
from infrastructure.durable import Draft
from infrastructure.settings import Settings

TRIES = 5
CONTENT = [b"docledger doctor" * 256]


def disks(settings: Settings) -> Iterator[Disk]:
    """One for each folder in use; what does not exist yet will be made in the nearest that does."""
    folders = {
        "DATA_DIR": settings.data_dir,
        **({} if settings.uses_postgres else {"DATABASE_URL": settings.database_path.absolute().parent}),
        "BLOB_URL": settings.blobs_path,
    }
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


def left_here(settings: Settings) -> Leftovers:
    """Everything but what is at the Document Server."""
    sidecars, overflow = settings.data_dir / "sidecars", settings.data_dir / "overflow"
    return Leftovers(
        forgotten=None,
        waiting=_count(sidecars, "*.json"),
        unreadable=_count(sidecars, "*.unreadable"),
        overflow=_count(overflow, "[0-9a-f][0-9a-f]/*"),
        quarantined=sum(_count(place / "quarantine", "*.json") for place in (settings.blobs_path, overflow)),
    )


def _count(folder: Path, pattern: str) -> int:
    return sum(1 for _ in folder.glob(pattern))
