"""What a backup is on its disk: one store of bytes, and snapshots of everything else that point into it.

DEST/blobs/ab/abcdef…                       as in the blob store, shared by all snapshots
DEST/snapshots/20261125T213000Z/            appears whole, or not at all
    docledger.db  blobs.txt  secret  checkpoint.key  sidecars/…  quarantine/…  manifest.json
DEST/tmp                                    what a killed one has left; the next one sweeps it
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from infrastructure.databases import connected
from infrastructure.digests import SHA256
from infrastructure.durable import Draft, Folders

FORMAT = 1
DATABASE, BLOBS, MANIFEST = "docledger.db", "blobs.txt", "manifest.json"
SECRETS = ("secret", "checkpoint.key")
SMALL = ("sidecars", "quarantine")  # folders of small files
LOCK = "docledger.lock"  # it also says that a folder is a backup
CHUNK = 1024 * 1024
WAIT = 30.0  # seconds for a lock
DIGESTS = "SELECT name FROM pragma_table_info('versions') WHERE name LIKE '%sha256'"  # of whatever release

Progress = Callable[[int], object]  # so many bytes more are done


class BackupFailed(Exception):
    """Why, and what to do."""


class Spoilt(Exception):
    """Bytes that are not what their name says."""


@dataclass(frozen=True, slots=True)
class Manifest:
    format: int
    made: str  # when the log was copied
    release: str
    schema: int
    position: int  # of the last event in the log
    checkpoint: str | None  # the last signed one, as position:hash
    database: str  # its SHA-256
    blobs: str  # the SHA-256 of blobs.txt
    blob_count: int
    blob_bytes: int
    missing: Sequence[str]  # digests that the log names and the service itself no longer had
    files: Mapping[str, str]  # the other files of the snapshot, with their SHA-256

    def write(self, folder: Path) -> None:
        write(folder / MANIFEST, json.dumps(asdict(self), indent=1).encode())

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Raises BackupFailed."""
        try:
            plain = json.loads((folder / MANIFEST).read_bytes())
            if plain["format"] != FORMAT:
                raise BackupFailed(f"{folder} was made by a newer release; use that one")
            manifest = cls(**plain)
            if not all(_is_ours(name) for name in manifest.files):
                raise ValueError("it names files that are no part of a backup")
            return manifest
        except (OSError, ValueError, KeyError, TypeError) as trouble:
            raise BackupFailed(f"{folder} has no manifest that can be read: {trouble}") from trouble


def _is_ours(name: str) -> bool:
    folder, _, file = name.rpartition("/")
    return folder in SMALL and file not in {"", ".", ".."} if folder else name in SECRETS


class Destination:
    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._lock = self.root / LOCK
        self.snapshots = self.root / "snapshots"
        self.tmp = self.root / "tmp"
        self.folders = Folders(os.fsync)
        self.blobs = Store(self.root / "blobs", self.tmp, self.folders)

    def prepare(self) -> None:
        """Only where nothing is, or a backup. Raises BackupFailed, OSError."""
        if not self.root.exists():  # there will be secrets in it
            self.root.mkdir(0o700, parents=True)
        if not self._lock.exists() and any(path.name != "lost+found" for path in self.root.iterdir()):
            raise BackupFailed(f"{self.root} is not empty, and is no backup: name a folder of its own.")
        os.close(os.open(self._lock, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        self.folders.trust(self.root)
        for folder in (self.blobs.root, self.snapshots, self.tmp):
            self.folders.make(folder)

    @contextmanager
    def held(self) -> Iterator[None]:
        """By one process at a time, until it ends, however it does. Raises BackupFailed."""
        handle = os.open(self._lock, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise BackupFailed(f"Another backup into {self.root} is under way.") from None
        finally:
            os.close(handle)

    def all(self) -> list[Path]:
        """Every snapshot, the oldest first."""
        if not self.snapshots.is_dir():
            return []
        return sorted(path for path in self.snapshots.iterdir() if path.is_dir())

    def snapshot(self, name: str | None) -> Path:
        """The one of this name, else the last. Raises BackupFailed."""
        found = [path for path in self.all() if name in (None, path.name)]
        if not found:
            raise BackupFailed(f"There is no backup {name or ''} in {self.root}.".replace("  ", " "))
        return found[-1]


class Store:
    """Bytes under their digests, as in the blob store."""

    def __init__(self, root: Path, tmp: Path, folders: Folders) -> None:
        self.root = root
        self._tmp = tmp
        self._folders = folders

    def path(self, sha256: str) -> Path:
        return self.root / sha256[:2] / sha256

    def size(self, sha256: str) -> int | None:
        """None where there are no such bytes."""
        try:
            return self.path(sha256).stat().st_size
        except FileNotFoundError:
            return None

    def take(self, source: Path, sha256: str, done: Progress) -> None:
        """Durable under its name, if it is what its name says. Raises Spoilt, OSError."""
        draft, target = Draft(self._tmp, os.fsync), self.path(sha256)
        try:
            with source.open("rb") as file:
                draft.write([file.read(CHUNK)])
                while chunk := file.read(CHUNK):
                    draft.write([chunk])
            blob = draft.seal()
            if blob.sha256 != sha256:
                raise Spoilt(f"{source} is damaged: its bytes are not what its name says.")
            self._folders.make(target.parent)
            draft.path.replace(target)
            self._folders.sync(target.parent)
            done(blob.size)
        finally:
            draft.discard()


def write(path: Path, content: bytes, mode: int = 0o600) -> None:
    """A new file, synced. Raises OSError."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def listed(snapshot: Path) -> dict[str, int]:
    """Digests and sizes of all bytes that belong to it. Raises BackupFailed."""
    try:
        rows = [line.split() for line in (snapshot / BLOBS).read_text("ascii").splitlines()]
        return {sha256: int(size) for sha256, size in rows if SHA256.fullmatch(sha256)}
    except (OSError, ValueError) as trouble:
        raise BackupFailed(f"{snapshot / BLOBS} cannot be read: {trouble}") from trouble


def referenced(database: Path) -> set[str]:
    """What the versions in a log consist of. Raises sqlite3.Error."""
    columns = [name for (name,) in rows(database, DIGESTS)]
    found = (rows(database, f"SELECT DISTINCT {name} FROM versions") for name in columns)  # noqa: S608
    return {sha256 for column in found for (sha256,) in column if sha256 is not None}


def rows(database: Path, sql: str) -> list[Any]:
    """Raises sqlite3.Error."""
    with closing(connected(database, WAIT)) as connection:
        return connection.execute(sql).fetchall()
