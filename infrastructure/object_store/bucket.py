"""Blobs under their digests in an object store. Blocking."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from pathlib import Path

from application.ports import Blob, StorageFailed
from infrastructure.object_store.deleting import Deletion
from infrastructure.object_store.objects import PART, Found, Missing, Objects
from infrastructure.object_store.places import (
    SUSPECTS,
    again,
    deletions,
    main,
    note_named,
    suspect,
    wanted,
)
from infrastructure.object_store.uploading import Spoilt, etag_of, upload
from infrastructure.reading import Part

TRIES = 3
PROBE = "tmp/probe"

_NAME = re.compile(r"[0-9a-f]{2}/([0-9a-f]{64})|again/([0-9a-f]{64})/[0-9a-f]+")


class Bucket:
    """Everything raises StorageFailed."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def keep(self, source: Path, blob: Blob) -> None:
        """Raises OSError as well, of the source."""
        trouble = StorageFailed("the object store does not keep what it takes")
        for _ in range(TRIES):
            try:
                self._want(source, blob)
            except Spoilt as spoilt:
                trouble = spoilt
                continue
            if any(self._objects.under(deletions(blob.sha256))):
                # Somebody may be about to delete what was there, under this very name.
                upload(self._objects, f"{again(blob.sha256)}/{secrets.token_hex(8)}", source, blob)
                return
            found = self._objects.find(main(blob.sha256))
            if found and found.size == blob.size:  # else it was deleted between the two
                return
        raise trouble

    def _want(self, source: Path, blob: Blob) -> None:
        """Bytes that are there already, to the store's knowledge, are touched instead of overwritten."""
        found = self._objects.find(main(blob.sha256))
        if found and found.size == blob.size and found.etag == etag_of(source, blob):
            self._objects.put(wanted(blob.sha256), b"")
        else:
            upload(self._objects, main(blob.sha256), source, blob)

    def part(self, sha256: str, start: int, wanted: int) -> Part:
        part = self._objects.get(main(sha256), start, wanted)
        if part is None and (found := self._again(sha256)):
            part = self._objects.get(found.name, start, wanted)
        if part is None:
            raise Missing(f"the object store has no {sha256} (yet: another node may have it on its own disk)")
        return part

    def chunks(self, sha256: str) -> Iterator[bytes]:
        """All of them; whether they are the right ones is for the reader to find out."""
        at, size = 0, 1
        while at < size:
            part = self.part(sha256, at, PART)
            yield part.data
            at, size = at + len(part.data), part.size

    def size(self, sha256: str) -> int | None:
        """None where they are not."""
        found = self._objects.find(main(sha256)) or self._again(sha256)
        return found.size if found else None

    def all(self) -> Iterator[Blob]:
        """Some of them perhaps twice."""
        for found in self._objects.under():
            if match := _NAME.fullmatch(found.name):
                yield Blob(match[1] or match[2], found.size)

    def delete(self, sha256: str, idle: float) -> Deletion | None:
        """To be carried out, or given up. None for what is not there, suspected, or kept again since."""
        return Deletion.begun(self._objects, sha256, idle)

    def notes(self) -> Iterator[str]:
        """The names of those on suspects."""
        return (note_named(found.name) for found in self._objects.under(SUSPECTS))

    def noted(self, name: str) -> bytes:
        """What a note says; nothing of one that is not there."""
        place = suspect(name)
        found = self._objects.find(place)
        part = found and self._objects.get(place, 0, found.size)
        return part.data if part else b""

    def note(self, name: str, text: bytes) -> None:
        """It replaces the one of that name."""
        self._objects.put(suspect(name), text)

    @property
    def versioned(self) -> bool:
        """Whether the store keeps what is deleted or replaced, as far as the probe shows."""
        found = self._objects.find(PROBE)
        return bool(found and found.version)

    def probe(self) -> None:
        """Whether it takes bytes at all."""
        self._objects.put(PROBE, b"probe")

    def ask(self) -> None:
        """Whether it answers us."""
        self._objects.find(PROBE)

    def _again(self, sha256: str) -> Found | None:
        return next(self._objects.under(again(sha256)), None)
