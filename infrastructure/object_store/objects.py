"""Named objects and what can be done with them: the one place that calls obstore. Blocking."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError

from application.ports import StorageFailed
from infrastructure.reading import Part

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ObjectStore

PART = 8 * 1024 * 1024  # of an upload; S3 takes none under 5 MiB, and no more than 10,000
PARTS_AT_ONCE = 3  # each is in memory

_CODE = re.compile(r"<Code>([^<]+)</Code>")
_SYSTEM = re.compile(r'message: "([^"]+)"')
_RANGE = re.compile(r"416 Range|InvalidRange|Invalid range|Requested range")
_TIMEOUT = re.compile(r"\bTimedOut\b|kind: Timeout")


class Missing(StorageFailed):
    """There is no such object."""


@dataclass(frozen=True, slots=True)
class Found:
    name: str
    size: int
    etag: str  # without its quotes
    changed: datetime  # by the store's own clock
    version: str = ""  # where it keeps several


class Objects:
    """Everything raises StorageFailed."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def put(self, name: str, content: bytes) -> str:
        """Its ETag. All or nothing, over whatever was there."""
        with asked("write"):
            return _tag(obstore.put(self._store, name, content, use_multipart=False)["e_tag"])

    def put_parts(self, name: str, parts: Iterable[bytes]) -> str:
        """Parts of PART bytes but the last: seen all at once in the end, or never when `parts` raises."""
        with asked("write"):
            result = obstore.put(
                self._store,
                name,
                iter(parts),
                use_multipart=True,
                chunk_size=PART,
                max_concurrency=PARTS_AT_ONCE,
            )
            return _tag(result["e_tag"])

    def get(self, name: str, start: int, wanted: int) -> Part | None:
        """None where there is no such object; an empty part beyond its end."""
        if wanted <= 0:
            return self._past(name, start)
        try:
            with asked("read"):
                result = obstore.get(self._store, name, options={"range": (start, start + wanted)})
                data, size = bytes(result.bytes()), result.meta["size"]
        except Missing:
            return None
        except StorageFailed as failure:
            if _RANGE.search(str(failure.__cause__)):  # none begins where the object has ended
                return self._past(name, start)
            raise
        if len(data) != min(wanted, size - start):
            raise StorageFailed(f"the object store sent {len(data)} bytes, not {min(wanted, size - start)}")
        return Part(data, size)

    def _past(self, name: str, start: int) -> Part | None:
        found = self.find(name)
        if found and found.size > start:
            raise StorageFailed("no bytes were asked for")
        return Part(b"", found.size) if found else None

    def find(self, name: str) -> Found | None:
        try:
            with asked("be read"):
                return _found(obstore.head(self._store, name))
        except Missing:
            return None

    def under(self, folder: str | None = None) -> Iterator[Found]:
        with asked("be listed"):
            for page in obstore.list(self._store, folder, chunk_size=1000):
                yield from map(_found, page)

    def delete(self, names: Sequence[str]) -> None:
        """What is not there is no trouble."""
        for name in names:
            with suppress(Missing), asked("delete"):
                obstore.delete(self._store, name)


@contextmanager
def asked(verb: str) -> Iterator[None]:
    """Raises StorageFailed."""
    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        absent = isinstance(error, FileNotFoundError) and "NoSuchBucket" not in str(error)
        failure = Missing if absent else StorageFailed
        raise failure(f"the object store could not {verb}: {words(error)}") from error


def words(error: Exception) -> str:
    """obstore's messages go on for a page, with the whole of a store's answer in them."""
    text = str(error)
    if isinstance(error, PermissionError) or "PermissionDenied" in type(error).__name__:
        first = "permission denied"
    elif _TIMEOUT.search(text):
        first = "no answer in time"
    else:
        first = text.partition("\n")[0].partition("<?xml")[0].strip().rstrip(":")
    details = dict.fromkeys([*_CODE.findall(text), *_SYSTEM.findall(text)])
    return f"{first} ({', '.join(details)})" if details else first


def _found(meta: ObjectMeta) -> Found:
    version = meta["version"] or ""
    return Found(
        meta["path"],
        meta["size"],
        _tag(meta["e_tag"]),
        meta["last_modified"],
        "" if version == "null" else version,  # which S3 says of a bucket that once kept several
    )


def _tag(tag: str | None) -> str:
    return (tag or "").removeprefix("W/").strip('"')
