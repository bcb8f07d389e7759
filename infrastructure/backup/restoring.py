"""A backup made into a service's folder again. Blocking.

The log comes last: until it is there, what was begun can be begun again, and no service has its data.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from application.ports import Blob
from infrastructure.backup.checking import log_findings
from infrastructure.backup.layout import (
    CHUNK,
    DATABASE,
    SECRETS,
    BackupFailed,
    Destination,
    Manifest,
    Progress,
    listed,
    write,
)
from infrastructure.backup.places import Places
from infrastructure.digests import digest, place_of
from infrastructure.durable import Folders
from infrastructure.journal.sqlite.upgrading import CURRENT
from infrastructure.migrating.blobs import AHEAD, AT_ONCE
from infrastructure.migrating.copies import Copy, copy_at
from infrastructure.migrating.copying import batched
from infrastructure.migrating.logs import opened
from infrastructure.migrating.migration import copy_log
from infrastructure.migrating.stages import Counted

MARK = "restoring"  # a file that says that what is here comes from us
WHERE = ": a backup is restored only where nothing is."


def restore(backup: Destination, snapshot: Path, places: Places, done: Progress) -> list[str]:
    """What is wrong with what was restored.

    Raises BackupFailed, CannotCopy, StorageFailed, OSError, sqlite3.Error, psycopg.Error.
    """
    manifest = Manifest.read(snapshot)
    if digest(snapshot / DATABASE) != manifest.database:
        raise BackupFailed(f"{snapshot / DATABASE} was changed since it was made. Restore another snapshot.")
    if manifest.schema > CURRENT:
        raise BackupFailed(
            f"{snapshot} was made by a newer release ({manifest.release}): restore it with that."
        )
    folders = Folders(os.fsync)
    with ExitStack() as stack:
        copy = stack.enter_context(copy_at(places.database)) if isinstance(places.database, str) else None
        _claim(places, snapshot, folders, copy)
        findings = list(_blobs(backup, snapshot, places, done))
        _small(snapshot, manifest, places, folders)
        if copy:
            _rows(snapshot / DATABASE, copy)
        else:
            _log(snapshot / DATABASE, Path(places.database), folders)
    findings += log_findings(places.database, places.checkpoint_key, manifest)
    (places.data / MARK).unlink()
    return findings


def _claim(places: Places, snapshot: Path, folders: Folders, copy: Copy | None) -> None:
    """Raises BackupFailed where anything is that is not from a restoration of the same snapshot."""
    mark, claim = places.data / MARK, f"{snapshot}\n".encode()
    if not (mark.is_file() and mark.read_bytes() == claim):
        for folder in (places.data, *([places.blobs] if places.blobs else [])):
            if folder.exists() and any(path.name != "lost+found" for path in folder.iterdir()):
                raise BackupFailed(f"{folder} is not empty{WHERE}")
        if copy and copy.last():
            raise BackupFailed(f"There is a log in {copy.name}{WHERE}")
        if not places.blobs and next(places.store.all(), None):
            raise BackupFailed(f"There are bytes in the object store already{WHERE}")
    files = [] if copy else [Path(places.database)]
    for file in (*files, *(() if mark.exists() else (places.checkpoint_key,))):
        if file.exists():
            raise BackupFailed(f"There is {file} already{WHERE}")
    for folder in (places.data, *([places.blobs] if places.blobs else []), *(file.parent for file in files)):
        folders.make(folder)
    write(mark, claim)


def _blobs(backup: Destination, snapshot: Path, places: Places, done: Progress) -> Iterator[str]:
    """Those that are there whole come from the time before. Raises StorageFailed, OSError."""
    there = {blob.sha256: blob.size for blob in places.store.all()}

    def restored(blob: Blob) -> str:
        if not (there.get(blob.sha256) == blob.size and _is_whole(places, blob.sha256)):
            source = backup.blobs.path(blob.sha256)
            if not source.is_file() or digest(source) != blob.sha256:
                return f"{blob.sha256} is not restored: {source} is missing or damaged."
            places.store.keep(source, blob)
        done(blob.size)
        return ""

    blobs = [Blob(sha256, size) for sha256, size in sorted(listed(snapshot).items())]
    with ThreadPoolExecutor(1 if places.blobs else AT_ONCE) as threads:
        for some in batched(blobs, AHEAD):
            yield from filter(None, threads.map(restored, some))


def _is_whole(places: Places, sha256: str) -> bool:
    """What is in an object store was compared when it got there."""
    return not places.blobs or digest(places.blobs / place_of(sha256)) == sha256


def _rows(source: Path, copy: Copy) -> None:
    with opened(source) as log:
        copy_log(log, copy, Counted(lambda done, all_: None))
    copy.release()


def _small(snapshot: Path, manifest: Manifest, places: Places, folders: Folders) -> None:
    files = dict(zip(SECRETS, (places.data / "secret", places.checkpoint_key), strict=True))
    for name in manifest.files:
        folder, _, rest = name.rpartition("/")
        if folder == "quarantine":
            places.store.note(rest, (snapshot / name).read_bytes())
            continue
        target = places.data / name if folder else files[name]
        folders.make(target.parent)
        write(target, (snapshot / name).read_bytes())
        folders.sync(target.parent)


def _log(source: Path, target: Path, folders: Folders) -> None:
    draft = target.with_name(f"{target.name}.draft")
    with source.open("rb") as read, draft.open("wb") as written:
        while chunk := read.read(CHUNK):
            written.write(chunk)
        written.flush()
        os.fsync(written.fileno())
    draft.replace(target)
    folders.sync(target.parent)
