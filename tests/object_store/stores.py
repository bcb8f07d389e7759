"""Object stores as the tests want them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from socket import create_server, socket
from threading import Thread

import pytest
from obstore.store import MemoryStore, ObjectStore

from application.ports import Blob, Blobs
from infrastructure.blobs import LocalBlobs
from infrastructure.object_store import Bucket, ObjectBlobs, bucket_at
from infrastructure.object_store.cache import Cache
from infrastructure.object_store.connecting import Pace
from infrastructure.object_store.objects import Objects
from infrastructure.overflow import OverflowBlobs

NOWHERE = "http://127.0.0.1:1"  # nobody listens there
CREDENTIALS = {
    "AWS_ALLOW_HTTP": "true",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "somebody",
    "AWS_SECRET_ACCESS_KEY": "unknown",
}
BRISK = Pace(request=0.5, retrying=0.1, retries=0)


def objects_in(store: ObjectStore | Bucket, folder: Path, *, grace: float | None = 10) -> ObjectBlobs:
    """With overflow and cache in the folder."""
    bucket = store if isinstance(store, Bucket) else Bucket(Objects(store))
    return ObjectBlobs(bucket, LocalBlobs(folder / "overflow"), Cache(folder / "cache"), grace=grace)


def overflowing(store: Bucket, folder: Path, *, grace: float | None = 10) -> OverflowBlobs:
    return OverflowBlobs(
        objects_in(store, folder, grace=grace),
        LocalBlobs(folder / "overflow"),
        patient=objects_in(store, folder),
    )


def in_memory() -> Bucket:
    return Bucket(Objects(MemoryStore()))


def bucket_behind(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, url: str = "s3://bucket/place", pace: Pace = BRISK
) -> Bucket:
    for name, value in (CREDENTIALS | {"AWS_ENDPOINT_URL": endpoint}).items():
        monkeypatch.setenv(name, value)
    return bucket_at(url, pace)


@contextmanager
def black_hole() -> Iterator[str]:
    """The url of a server that takes connections and never says a word."""
    with create_server(("127.0.0.1", 0)) as server:
        taken: list[socket] = []

        def take() -> None:
            while True:
                try:
                    taken.append(server.accept()[0])
                except OSError:
                    return

        thread = Thread(target=take)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(2)
            thread.join()
            for each in taken:
                each.close()


def blob_of(content: bytes) -> Blob:
    return Blob(sha256(content).hexdigest(), len(content))


def file_of(folder: Path, content: bytes) -> Path:
    path = folder / blob_of(content).sha256
    path.write_bytes(content)
    return path


async def keep(blobs: Blobs, content: bytes) -> Blob:
    async def chunks() -> AsyncIterator[bytes]:
        yield content

    return await blobs.keep(chunks(), limit=10**9)


async def read(blobs: Blobs, sha256: str, start: int = 0, stop: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in blobs.read(sha256, start, stop)])
