"""A backup taken beside the running service: first what waits, then the log, then all bytes. Blocking.

The order is what makes it whole. Bytes are durable before the log names them, so that all that a copy of
the log names is there when it has been made; and what is thinned out stays for a day (retention's IDLE).
A save that waits for the log is in the copy of what waits, or already in the log.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from infrastructure.backup.layout import (
    BLOBS,
    DATABASE,
    FORMAT,
    SECRETS,
    SMALL,
    BackupFailed,
    Destination,
    Manifest,
    Spoilt,
    referenced,
    rows,
    write,
)
from infrastructure.backup.logs import copy_log, digests_in
from infrastructure.backup.places import Places
from infrastructure.backup.pruning import prune
from infrastructure.digests import digest
from infrastructure.journal.checkpoints import LAST, unpacked
from infrastructure.migrating.blobs import AHEAD, AT_ONCE, local
from infrastructure.migrating.copying import batched

logger = logging.getLogger(__name__)

NAME = "%Y%m%dT%H%M%S.%fZ"
ENDINGS = (".json", ".unreadable")
ATTEMPTS = 3  # at a snapshot whose bytes go while they are copied


class Shown(Protocol):
    """How far we are."""

    def log(self, done: int, pages: int) -> None: ...

    def bytes(self, count: int, left: int) -> None:
        """So many bytes more are done, so many are still to be copied."""
        ...


@dataclass(frozen=True, slots=True)
class Made:
    snapshot: Path
    manifest: Manifest
    copied: int  # blobs that were not there yet
    copied_bytes: int


def make(places: Places, destination: Destination, keep: int, shown: Shown) -> Made:
    """When it raises all earlier snapshots are as they were.

    Raises BackupFailed, CannotRead, StorageFailed, OSError, sqlite3.Error, psycopg.Error.
    """
    if isinstance(places.database, Path) and not places.database.is_file():
        raise BackupFailed(f"There is no log at {places.database}. Is DOCLEDGER_DATA_DIR the service's?")
    destination.prepare()
    with destination.held():
        shutil.rmtree(destination.tmp)
        destination.folders.make(destination.tmp)
        making = Making(places, destination, shown)
        for _ in range(ATTEMPTS):
            manifest = making.draft()
            if not making.thinned_meanwhile():
                break
        snapshot = making.publish(manifest)
        prune(destination, keep)
    return Made(snapshot, manifest, making.copied, making.copied_bytes)


class Making:
    def __init__(self, places: Places, destination: Destination, shown: Shown) -> None:
        self._places, self._destination, self._shown = places, destination, shown
        self._draft = destination.tmp / "snapshot"
        self._missing: set[str] = set()
        self.copied = self.copied_bytes = self._left = 0

    def draft(self) -> Manifest:
        shutil.rmtree(self._draft, ignore_errors=True)
        self._draft.mkdir(mode=0o700)
        self._copy_small()
        made = datetime.now(UTC)
        copy_log(self._places.database, self._draft / DATABASE, self._destination, self._shown.log)
        self._copy_secrets()
        blobs = self._copy_blobs()
        return self._manifest(made, blobs)

    def thinned_meanwhile(self) -> bool:
        """Whether bytes are missing that the log itself no longer names."""
        return bool(self._missing - digests_in(self._places.database))

    def publish(self, manifest: Manifest) -> Path:
        folders = self._destination.folders
        manifest.write(self._draft)
        for folder in (self._draft, *(self._draft / name for name in SMALL)):
            folders.sync(folder)
        snapshot = self._destination.snapshots / self._name(datetime.fromisoformat(manifest.made))
        self._draft.rename(snapshot)
        folders.sync(self._destination.snapshots)
        folders.sync(self._destination.tmp)
        return snapshot

    def _name(self, made: datetime) -> str:
        """After the last one's, also when the clock was set back."""
        name = made.strftime(NAME)
        last = max((path.name for path in self._destination.all()), default="")
        with suppress(ValueError):
            name = max(name, (datetime.strptime(last, NAME) + timedelta(microseconds=1)).strftime(NAME))
        return name

    def _copy_small(self) -> None:
        """Saves that wait for the log, and notes on suspects."""
        for name in SMALL:
            (self._draft / name).mkdir(mode=0o700)
        waiting = self._places.data / "sidecars"
        for source in waiting.iterdir() if waiting.is_dir() else ():
            if source.suffix in ENDINGS:
                with suppress(FileNotFoundError):  # recorded meanwhile
                    write(self._draft / "sidecars" / source.name, source.read_bytes())
        for depot in (self._places.store, self._places.overflow):
            for name in depot.notes():
                if text := depot.noted(name):
                    write(self._draft / "quarantine" / name, text)

    def _copy_secrets(self) -> None:
        for name, source in zip(
            SECRETS, (self._places.data / "secret", self._places.checkpoint_key), strict=True
        ):
            if source.is_file():
                write(self._draft / name, source.read_bytes())

    def _copy_blobs(self) -> dict[str, int]:
        """Everything that is there: what the log names, what is suspect, what is just being fetched."""
        named, present = referenced(self._draft / DATABASE), self._present()
        have = {sha256: self._destination.blobs.size(sha256) for sha256 in present.keys() | named}
        new = [
            name for name in sorted(have) if have[name] is None or have[name] != present.get(name, have[name])
        ]
        self._left = sum(present.get(sha256, 0) for sha256 in new)
        at_once = 1 if self._places.blobs else AT_ONCE  # a disk is not asked several things at a time
        with ThreadPoolExecutor(at_once) as threads:
            for some in batched(new, AHEAD):
                for sha256, size in zip(
                    some, threads.map(partial(self._copy_blob, present), some), strict=True
                ):
                    if size is not None:
                        have[sha256] = size
                        self.copied, self.copied_bytes = self.copied + 1, self.copied_bytes + size
        whole = {sha256: size for sha256, size in have.items() if size is not None}
        self._missing = named - whole.keys()
        return whole

    def _copy_blob(self, present: Mapping[str, int], sha256: str) -> int | None:
        """How many bytes; None if it is nowhere, or is damaged wherever it is."""
        self._left -= present.get(sha256, 0)
        for place in self._places.bytes_at():
            try:
                with local(place, sha256) as source:
                    if source:
                        self._destination.blobs.take(source, sha256, self._tell)
                        return self._destination.blobs.size(sha256)
            except FileNotFoundError:
                continue
            except Spoilt as damage:
                logger.critical("%s", damage)
        return None

    def _tell(self, size: int) -> None:
        self._shown.bytes(size, self._left)

    def _present(self) -> dict[str, int]:
        depots = (self._places.overflow, self._places.store)
        return {blob.sha256: blob.size for depot in depots for blob in depot.all()}

    def _manifest(self, made: datetime, blobs: dict[str, int]) -> Manifest:
        draft = self._draft
        database = draft / DATABASE
        write(draft / BLOBS, "".join(f"{name} {size}\n" for name, size in sorted(blobs.items())).encode())
        others = [draft / name for name in SECRETS] + [
            path for name in SMALL for path in sorted((draft / name).iterdir())
        ]
        return Manifest(
            format=FORMAT,
            made=made.isoformat(),
            release=version("docledger"),
            schema=rows(database, "PRAGMA user_version")[0][0],
            position=rows(database, "SELECT coalesce(max(position), 0) FROM stored_events")[0][0],
            checkpoint=_last_checkpoint(database),
            database=digest(database),
            blobs=digest(draft / BLOBS),
            blob_count=len(blobs),
            blob_bytes=sum(blobs.values()),
            missing=sorted(self._missing),
            files={str(path.relative_to(draft)): digest(path) for path in others if path.exists()},
        )


def _last_checkpoint(database: Path) -> str | None:
    last = rows(database, LAST)
    if not last:
        return None
    position, body = last[0]
    with suppress(ValueError):
        return f"{position}:{hashlib.sha256(unpacked(body)).hexdigest()}"
    return None
