"""A backup made into a service's folder again. Blocking.

The log comes last: until it is there, what was begun can be begun again, and no service has its data.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from infrastructure.backup.checking import log_findings
from infrastructure.backup.layout import (
    CHUNK,
    DATABASE,
    SECRETS,
    BackupFailed,
    Destination,
    Manifest,
    Places,
    Progress,
    Spoilt,
    Store,
    digest,
    listed,
    write,
)
from infrastructure.durable import Folders
from infrastructure.journal.sqlite.upgrading import CURRENT

MARK = "restoring"  # a file that says that what is here comes from us


def restore(backup: Destination, snapshot: Path, places: Places, done: Progress) -> list[str]:
    """What is wrong with what was restored. Raises BackupFailed, OSError."""
    manifest = Manifest.read(snapshot)
    if digest(snapshot / DATABASE) != manifest.database:
        raise BackupFailed(f"{snapshot / DATABASE} was changed since it was made. Restore another snapshot.")
    if manifest.schema > CURRENT:
        raise BackupFailed(
            f"{snapshot} was made by a newer release ({manifest.release}): restore it with that."
        )
    folders = Folders(os.fsync)
    _claim(places, snapshot, folders)
    findings = list(_blobs(backup, snapshot, places, folders, done))
    _small(snapshot, manifest, places, folders)
    _log(snapshot / DATABASE, places.database, folders)
    findings += log_findings(places.database, places.checkpoint_key, manifest)
    (places.data / MARK).unlink()
    return findings


def _claim(places: Places, snapshot: Path, folders: Folders) -> None:
    """Raises BackupFailed where anything is that is not from a restoration of the same snapshot."""
    mark, claim = places.data / MARK, f"{snapshot}\n".encode()
    if not (mark.is_file() and mark.read_bytes() == claim):
        for folder in (places.data, places.blobs):
            if folder.exists() and any(path.name != "lost+found" for path in folder.iterdir()):
                raise BackupFailed(f"{folder} is not empty: a backup is restored only where nothing is.")
    for file in (places.database, *(() if mark.exists() else (places.checkpoint_key,))):
        if file.exists():
            raise BackupFailed(f"There is {file} already: a backup is restored only where nothing is.")
    for folder in (places.data, places.blobs, places.blobs / "tmp", places.database.parent):
        folders.make(folder)
    write(mark, claim)


def _blobs(
    backup: Destination, snapshot: Path, places: Places, folders: Folders, done: Progress
) -> Iterator[str]:
    store = Store(places.blobs, places.blobs / "tmp", folders)
    for sha256, size in sorted(listed(snapshot).items()):
        if store.size(sha256) == size and digest(store.path(sha256)) == sha256:  # from the time before
            done(size)
            continue
        try:
            store.take(backup.blobs.path(sha256), sha256, done)
        except (FileNotFoundError, Spoilt) as trouble:
            yield f"{sha256} is not restored: {trouble}"


def _small(snapshot: Path, manifest: Manifest, places: Places, folders: Folders) -> None:
    targets = {
        "sidecars": places.data / "sidecars",
        "quarantine": places.blobs / "quarantine",
    }
    files = dict(zip(SECRETS, (places.data / "secret", places.checkpoint_key), strict=True))
    for name in manifest.files:
        folder, _, rest = name.rpartition("/")
        target = targets[folder] / rest if folder else files[name]
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
