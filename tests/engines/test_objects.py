"""An object store of the tests' own does what an S3 does, dies as one does, and keeps what it said it had."""

from __future__ import annotations

from contextlib import suppress
from random import Random
from threading import Thread

import pytest
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    GenericError,
    PermissionDeniedError,
    PreconditionError,
)
from obstore.store import S3Store

from tests.engines.objects import ObjectStore
from tests.service import eventually

MB = 1 << 20


@pytest.fixture
def store(object_store: ObjectStore) -> S3Store:
    return object_store.client(object_store.url())


def test_objects_are_put_in_parts_read_by_ranges_listed_copied_and_deleted(store: S3Store) -> None:
    content = Random(1).randbytes(40 * MB)
    store.put("big", content, use_multipart=True, chunk_size=8 * MB)
    assert bytes(store.get("big").bytes()) == content
    assert bytes(store.get_range("big", start=20 * MB, length=1000)) == content[20 * MB :][:1000]
    assert store.head("big")["size"] == 40 * MB
    store.copy("big", "as-big")
    store.put("small", b"", attributes={"Content-Type": "text/plain", "made-by": "us"})
    assert sorted(each["path"] for each in store.list().collect()) == ["as-big", "big", "small"]
    assert store.get("small").attributes == {"Content-Type": "text/plain", "made-by": "us"}
    store.delete(["big", "small"])
    assert [each["path"] for each in store.list().collect()] == ["as-big"]
    with pytest.raises(FileNotFoundError):
        store.get("big")


def test_a_write_may_insist_on_what_was_there(store: S3Store) -> None:
    first = store.put("one", b"first", mode="create")
    with pytest.raises(AlreadyExistsError):
        store.put("one", b"second", mode="create")
    store.put("one", b"third", mode={"e_tag": first["e_tag"]})
    with pytest.raises(PreconditionError):
        store.put("one", b"fourth", mode={"e_tag": first["e_tag"]})
    assert bytes(store.get("one").bytes()) == b"third"


def test_without_the_secret_nothing_is_to_be_had(object_store: ObjectStore) -> None:
    url = object_store.url()
    object_store.client(url).put("one", b"first")
    stranger = object_store.client(url, secret="another")
    with pytest.raises(PermissionDeniedError):
        stranger.get("one")
    with pytest.raises(PermissionDeniedError):
        stranger.put("one", b"second")


def test_a_kill_keeps_every_object_it_had_acknowledged(object_store: ObjectStore, store: S3Store) -> None:
    kept: dict[str, bytes] = {}
    writer = Thread(target=write_until_it_dies, args=(store, kept))
    writer.start()
    eventually(lambda: len(kept) > 10, "it has taken some")
    object_store.kill()
    writer.join(20)
    with pytest.raises(GenericError):
        store.get("0")
    object_store.start()
    assert {path: bytes(store.get(path).bytes()) for path in kept} == kept


def test_paused_it_answers_nobody_and_afterwards_everybody(object_store: ObjectStore, store: S3Store) -> None:
    object_store.pause()
    writer = Thread(target=store.put, args=("one", b"first"))
    writer.start()
    writer.join(0.3)
    assert writer.is_alive()
    object_store.resume()
    writer.join(20)
    assert bytes(store.get("one").bytes()) == b"first"


def write_until_it_dies(store: S3Store, kept: dict[str, bytes]) -> None:
    sizes = Random(2)
    with suppress(BaseError):
        for number in range(10_000):
            content = sizes.randbytes(sizes.choice([0, 100, 200_000, 7 * MB]))
            store.put(str(number), content)
            kept[str(number)] = content
