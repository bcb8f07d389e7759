"""Stored blobs for whoever copies or checks them, in a folder or an object store. Blocking."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Protocol

from application.ports import Blob, StorageFailed
from infrastructure.blobs import LocalBlobs
from infrastructure.digests import SHA256, damaged, size_at
from infrastructure.durable import Draft, Folders, plainly, publish
from infrastructure.object_store import PATIENT, Pace, bucket_at
from infrastructure.settings import Settings

SUBJECT = "the blob store"
CHUNK = 1024 * 1024


class Depot(Protocol):
    """Everything raises StorageFailed."""

    def all(self) -> Iterator[Blob]:
        """With their sizes; some of them perhaps twice."""
        ...

    def size(self, sha256: str) -> int | None:
        """None where they are not."""
        ...

    def chunks(self, sha256: str) -> Iterator[bytes]:
        """All of them; whether they are the right ones is for the reader to find out: see `checked`."""
        ...

    def keep(self, source: Path, blob: Blob) -> None:
        """They are durable then, and what is stored has been compared with the digest."""
        ...

    def notes(self) -> Iterator[str]:
        """The names of those on suspects, which are the same in every depot."""
        ...

    def noted(self, name: str) -> bytes:
        """What a note says; nothing of one that is not there."""
        ...

    def note(self, name: str, text: bytes) -> None:
        """It replaces the one of that name."""
        ...


def depot_of(settings: Settings, pace: Pace = PATIENT) -> Depot:
    """Of the service's blob store, beside which it may be running. Raises StorageFailed."""
    if settings.uses_object_store:
        return bucket_at(settings.blob_url, pace, settings.ca_bundle)
    return FolderDepot(settings.blobs_path)


def checked(depot: Depot, sha256: str) -> Iterator[bytes]:
    """All of them. Raises StorageFailed in the end when they are others than their name says."""
    seen = hashlib.sha256()
    for chunk in depot.chunks(sha256):
        seen.update(chunk)
        yield chunk
    if seen.hexdigest() != sha256:
        raise damaged(sha256)


class FolderDepot:
    """Makes no folder before there is something to keep: whoever looks may be another user than the
    service.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders = Folders(os.fsync)

    def all(self) -> Iterator[Blob]:
        with plainly(SUBJECT, "be listed"):
            for path in self._root.glob("[0-9a-f][0-9a-f]/*"):
                if SHA256.fullmatch(path.name) and (size := size_at(path)) is not None:
                    yield Blob(path.name, size)

    def size(self, sha256: str) -> int | None:
        with plainly(SUBJECT, "be read"):
            return size_at(self.path(sha256))

    def chunks(self, sha256: str) -> Iterator[bytes]:
        with plainly(SUBJECT, "read"), self.path(sha256).open("rb") as file:
            yield from iter(lambda: file.read(CHUNK), b"")

    def keep(self, source: Path, blob: Blob) -> None:
        draft = self._blobs.draft()
        with plainly(SUBJECT, "write"), source.open("rb") as file:
            try:
                draft.write([file.read(CHUNK)])
                while chunk := file.read(CHUNK):
                    draft.write([chunk])
                if draft.blob != blob:
                    raise StorageFailed(f"the local copy of {blob.sha256} is damaged")
                self._blobs.publish(draft, ())
            finally:
                draft.discard()

    def notes(self) -> Iterator[str]:
        with plainly(SUBJECT, "be listed"):
            yield from (note.name for note in (self._root / "quarantine").glob("*.json"))

    def noted(self, name: str) -> bytes:
        with plainly(SUBJECT, "be read"):
            try:
                return (self._root / "quarantine" / name).read_bytes()
            except FileNotFoundError:
                return b""

    def note(self, name: str, text: bytes) -> None:
        with plainly(SUBJECT, "write"):
            target = self._root / "quarantine" / name
            self._folders.make(target.parent)
            self._folders.make(self._root / "tmp")
            publish(Draft(self._root / "tmp", os.fsync), text, target, self._folders)

    @cached_property
    def _blobs(self) -> LocalBlobs:
        return LocalBlobs(self._root)

    def path(self, sha256: str) -> Path:
        return self._root / sha256[:2] / sha256
