"""Files and folders that survive a power cut: written, synced, and only then given their name."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from application.ports import Blob, StorageFailed

Name = Callable[[Path, Path], None]  # gives a file its name


class Draft:
    """A file nobody sees yet, hashed while it is written; made by the first write."""

    def __init__(
        self, folder: Path, fsync: Callable[[int], None], suffix: str = "", *, mode: int = 0o600
    ) -> None:
        self.path = folder / f"{secrets.token_hex(16)}{suffix}"
        self._fsync = fsync
        self._mode = mode
        self._hash = hashlib.sha256()
        self._size = 0
        self._file: int | None = None
        self.exists = False

    def write(self, batch: Sequence[bytes]) -> None:
        if self._file is None:
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, self._mode)
            self.exists = True
        data = memoryview(batch[0] if len(batch) == 1 else b"".join(batch))
        self._hash.update(data)
        self._size += len(data)
        while data:
            data = data[os.write(self._file, data) :]

    @property
    def blob(self) -> Blob:
        """What has been written so far."""
        return Blob(self._hash.hexdigest(), self._size)

    def seal(self) -> Blob:
        if self._file is not None:
            self._fsync(self._file)
        self._close()
        return self.blob

    def discard(self) -> None:
        with suppress(OSError):
            self._close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
        self.exists = False

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


class Folders:
    """Folders whose entries survive a power cut."""

    def __init__(self, fsync: Callable[[int], None]) -> None:
        self._fsync = fsync
        self._durable: set[Path] = set()

    def make(self, folder: Path) -> None:
        """Also syncs what is there already: a crash may have come between its mkdir and its fsync."""
        if folder in self._durable and folder.is_dir():
            return
        if not folder.is_dir():
            self.make(folder.parent)
            folder.mkdir(exist_ok=True)
        self.sync(folder.parent)
        self._durable.add(folder)

    def trust(self, folder: Path) -> None:
        """One that somebody else may have made, in a folder that may not be ours to read."""
        with suppress(OSError):
            self.sync(folder.parent)
        self._durable.add(folder)

    def sync(self, folder: Path) -> None:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._fsync(handle)
        finally:
            os.close(handle)


def publish(draft: Draft, content: bytes, target: Path, folders: Folders, *, name: Name = os.replace) -> None:
    """A small file, whole and durable under its name; it replaces what was there, unless named otherwise."""
    try:
        draft.write([content])
        draft.seal()
        name(draft.path, target)
        folders.sync(target.parent)
    finally:
        draft.discard()


@contextmanager
def plainly(subject: str, verb: str) -> Iterator[None]:
    """An OSError as the application's own, in words."""
    try:
        yield
    except OSError as error:
        raise StorageFailed(f"{subject} could not {verb}: {error.strerror or error}") from error
