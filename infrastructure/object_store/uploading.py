"""A local file on its way into an object: streamed, and compared with what has arrived."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from application.ports import Blob, StorageFailed
from infrastructure.object_store.objects import PART, Objects


class Spoilt(StorageFailed):
    """The store has other bytes than it was given."""


def upload(objects: Objects, name: str, source: Path, blob: Blob) -> None:
    """What is there afterwards has been seen to be these bytes, by the store itself or by us.

    S3 and many stores like it give the MD5 of what has reached them as the ETag, or that of the parts'
    MD5s; not all of them compare it with the signature. Where it is something else (encrypted with a key
    of KMS, Azure, some of Google's), all is read back. Raises Spoilt, StorageFailed, OSError.
    """
    with source.open("rb") as file:
        parts = _Parts(file, blob)
        put = (
            partial(objects.put, name, b"".join(parts))
            if parts.few
            else partial(objects.put_parts, name, parts)
        )
        if put() != parts.etag:
            _read_back(objects, name, blob)


def etag_of(source: Path, blob: Blob) -> str:
    """That of an object made of these bytes by us. Raises StorageFailed, OSError."""
    with source.open("rb") as file:
        parts = _Parts(file, blob)
        for _ in parts:
            pass
        return parts.etag


def _read_back(objects: Objects, name: str, blob: Blob) -> None:
    seen, at, size = hashlib.sha256(), 0, blob.size
    while at < blob.size:
        part = objects.get(name, at, PART)
        if not part or not part.data:
            raise Spoilt("the object store has less than it was given")
        seen.update(part.data)
        at, size = at + len(part.data), part.size
    if seen.hexdigest() != blob.sha256 or size != blob.size:
        raise Spoilt("the object store has other bytes than it was given")


class _Parts:
    """Raises StorageFailed at their end when they were others than the file should have, so that they are
    never seen.
    """

    def __init__(self, file: BinaryIO, blob: Blob) -> None:
        self._file = file
        self._blob = blob
        self._digests: list[bytes] = []

    def __iter__(self) -> Iterator[bytes]:
        seen = hashlib.sha256()
        while (part := self._file.read(PART)) or not self._digests:
            seen.update(part)
            self._digests.append(hashlib.md5(part, usedforsecurity=False).digest())
            yield part
        if seen.hexdigest() != self._blob.sha256:
            raise StorageFailed(f"the local copy of {self._blob.sha256} is damaged")

    @property
    def few(self) -> bool:
        """One, which needs no upload in parts."""
        return self._blob.size <= PART

    @property
    def etag(self) -> str:
        """Once all have been seen."""
        if self.few:
            return self._digests[0].hex()
        all_ = hashlib.md5(b"".join(self._digests), usedforsecurity=False)
        return f"{all_.hexdigest()}-{len(self._digests)}"
