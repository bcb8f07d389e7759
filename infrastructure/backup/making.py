"""A backup taken beside the running service: first what waits, then the log, then all bytes. Blocking.

The order is what makes it whole. Bytes are durable before the log names them, so that all that a copy of
the log names is there when it has been made; and what is thinned out stays for a day (retention's IDLE).
A save that waits for the log is in the copy of what waits, or already in the log.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from infrastructure.backup.layout import (
    BLOBS,
    DATABASE,
    FORMAT,
    SECRETS,
    SHA256,
    SMALL,
    BackupFailed,
    Destination,
    Manifest,
    Places,
    Spoilt,
    digest,
    referenced,
    rows,
    write,
)
from infrastructure.backup.pruning import prune
from infrastructure.journal.checkpoints import LAST, unpacked
from infrastructure.journal.sqlite import upgrading
from infrastructure.journal.sqlite.copying import copy

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
    """Raises BackupFailed, OSError, sqlite3.Error; then all earlier snapshots are as they were."""
    if not places.database.is_file():
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
        self.copied = self.copied_bytes = 0

    def draft(self) -> Manifest:
        shutil.rmtree(self._draft, ignore_errors=True)
        self._draft.mkdir(mode=0o700)
        self._copy_small()
        made = datetime.now(UTC)
        copy(self._places.database, self._draft / DATABASE, self._shown.log)
        _refuse_other_releases(self._draft / DATABASE)
        self._copy_secrets()
        blobs = self._copy_blobs()
        return self._manifest(made, blobs)

    def thinned_meanwhile(self) -> bool:
        """Whether bytes are missing that the log itself no longer names."""
        return bool(self._missing - referenced(self._places.database))

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
        places = self._places
        sources = {
            "sidecars": [places.data / "sidecars"],
            "quarantine": [places.blobs / "quarantine", places.overflow / "quarantine"],
        }
        for name, folders in sources.items():
            (self._draft / name).mkdir(mode=0o700)
            for source in (path for folder in folders if folder.is_dir() for path in folder.iterdir()):
                if source.suffix in ENDINGS:
                    with suppress(FileNotFoundError):  # recorded meanwhile
                        write(self._draft / name / source.name, source.read_bytes())

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
        left = sum(present.get(sha256, 0) for sha256 in new)
        for sha256 in new:
            left -= present.get(sha256, 0)
            if self._copy_blob(sha256, left):
                size = have[sha256] = self._destination.blobs.size(sha256)
                self.copied, self.copied_bytes = self.copied + 1, self.copied_bytes + (size or 0)
        whole = {sha256: size for sha256, size in have.items() if size is not None}
        self._missing = named - whole.keys()
        return whole

    def _copy_blob(self, sha256: str, left: int) -> bool:
        """False if it is nowhere, or is damaged wherever it is."""
        for source in self._where(sha256):
            try:
                self._destination.blobs.take(source, sha256, lambda size: self._shown.bytes(size, left))
            except FileNotFoundError:
                continue
            except Spoilt as damage:
                logger.critical("%s", damage)
                continue
            return True
        return False

    def _where(self, sha256: str) -> Iterator[Path]:
        """Bytes move between these, so the first is looked at again."""
        store, overflow = self._places.blobs, self._places.overflow
        name = f"{sha256[:2]}/{sha256}"
        yield from (store / name, overflow / name, store / "trash" / sha256, store / name)

    def _present(self) -> dict[str, int]:
        present = {}
        for root in (self._places.overflow, self._places.blobs):
            for path in root.glob("[0-9a-f][0-9a-f]/*"):
                with suppress(FileNotFoundError):
                    if SHA256.fullmatch(path.name):
                        present[path.name] = path.stat().st_size
        return present

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


def _refuse_other_releases(database: Path) -> None:
    """Raises BackupFailed."""
    with closing(sqlite3.connect(database)) as connection:
        if complaint := upgrading.complaint(connection):
            raise BackupFailed(f"The log {complaint}.")


def _last_checkpoint(database: Path) -> str | None:
    last = rows(database, LAST)
    if not last:
        return None
    position, body = last[0]
    with suppress(ValueError):
        return f"{position}:{hashlib.sha256(unpacked(body)).hexdigest()}"
    return None
