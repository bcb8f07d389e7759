"""What an object store has taken is compared with what it was given, before anybody may refer to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from application.ports import StorageFailed
from infrastructure.object_store import Bucket
from infrastructure.object_store.objects import PART, Found, Objects
from infrastructure.reading import Part
from tests.object_store.stores import blob_of, file_of

LARGE = b"".join(bytes([number]) * (PART // 2) for number in range(7))  # in parts, the last of them short
SIZES = [0, 1, PART, PART + 1, len(LARGE)]


class Counting(Objects):
    """With ETags of our choice; it counts what is read."""

    def __init__(self, etag: str = "") -> None:
        super().__init__(MemoryStore())
        self.etag, self.read = etag, 0

    def put(self, name: str, content: bytes) -> str:
        super().put(name, content)
        return self.etag

    def put_parts(self, name: str, parts: Iterable[bytes]) -> str:
        super().put_parts(name, parts)
        return self.etag

    def get(self, name: str, start: int, wanted: int) -> Part | None:
        part = super().get(name, start, wanted)
        self.read += len(part.data) if part else 0
        return part


class Spoiling(Counting):
    def put(self, name: str, content: bytes) -> str:
        return super().put(name, content[:-1] + b"?")

    def put_parts(self, name: str, parts: Iterable[bytes]) -> str:
        return super().put_parts(name, [*parts][:-1])


@pytest.mark.parametrize("size", SIZES)
def test_without_a_word_of_the_store_all_is_read_back(tmp_path: Path, size: int) -> None:
    blob, objects = blob_of(LARGE[:size]), Counting()
    Bucket(objects).keep(file_of(tmp_path, LARGE[:size]), blob)
    assert objects.read == size
    assert b"".join(Bucket(objects).chunks(blob.sha256)) == LARGE[:size]


@pytest.mark.parametrize(
    ("size", "etag"),
    [
        (0, "d41d8cd98f00b204e9800998ecf8427e"),
        (1, "93b885adfe0da089cdf634904fd59f71"),
        (len(LARGE), "c07ded43ba7926b0760435d6b83ba55a-4"),
    ],
)
def test_the_md5_of_what_has_arrived_is_enough(tmp_path: Path, size: int, etag: str) -> None:
    objects = Counting(etag)
    Bucket(objects).keep(file_of(tmp_path, LARGE[:size]), blob_of(LARGE[:size]))
    assert objects.read == 0


@pytest.mark.parametrize("size", SIZES[1:])
def test_what_the_store_has_spoilt_is_not_kept(tmp_path: Path, size: int) -> None:
    with pytest.raises(StorageFailed, match=r"(other bytes|less) than it was given"):
        Bucket(Spoiling()).keep(file_of(tmp_path, LARGE[:size]), blob_of(LARGE[:size]))


@pytest.mark.parametrize("size", SIZES[1:])
def test_what_has_rotted_on_our_own_disk_is_never_seen_in_the_store(tmp_path: Path, size: int) -> None:
    blob, bucket = blob_of(LARGE[:size]), Bucket(Counting())
    path = file_of(tmp_path, LARGE[:size])
    path.write_bytes(LARGE[: size - 1] + b"?")
    with pytest.raises(StorageFailed, match=r"the local copy of [0-9a-f]+ is damaged"):
        bucket.keep(path, blob)
    assert [*bucket.all()] == []


def test_a_store_that_forgets_what_it_takes_is_found_out(tmp_path: Path) -> None:
    class Forgetting(Counting):
        def put(self, name: str, content: bytes) -> str:
            super().put(name, content)
            self.delete([name])
            return "93b885adfe0da089cdf634904fd59f71"

    with pytest.raises(StorageFailed, match="does not keep what it takes"):
        Bucket(Forgetting()).keep(file_of(tmp_path, b"\0"), blob_of(b"\0"))


def test_what_is_there_already_is_not_written_again(tmp_path: Path) -> None:
    class Knowing(Counting):
        writes = 0

        def put(self, name: str, content: bytes) -> str:
            self.writes += len(content)
            return super().put(name, content)

        def find(self, name: str) -> Found | None:
            found = super().find(name)
            return found and replace(found, etag=self.etag)

    objects = Knowing("93b885adfe0da089cdf634904fd59f71")
    for _ in range(3):
        Bucket(objects).keep(file_of(tmp_path, b"\0"), blob_of(b"\0"))
    assert objects.writes == 1
    objects.etag = "of something else"
    Bucket(objects).keep(file_of(tmp_path, b"\0"), blob_of(b"\0"))
    assert objects.writes == 2
