"""Bytes copied from wherever they may be to where they should be, several at a time. Blocking."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from application.ports import Blob, StorageFailed
from infrastructure.depots import Depot, FolderDepot, checked, depot_of
from infrastructure.digests import SHA256, digest
from infrastructure.durable import Draft, plainly
from infrastructure.migrating.copying import batched
from infrastructure.migrating.stages import Done, Shown
from infrastructure.settings import Settings

AT_ONCE = 4  # each may hold some parts of 8 MB
AHEAD = 256  # blobs that are given out at once


class Moving:
    """`places` are looked into in this order: bytes may go from one to the next meanwhile."""

    def __init__(self, places: Sequence[Depot], target: Depot) -> None:
        self._places, self._target = places, target
        self.copied = self.copied_bytes = 0

    def copy(self, shown: Shown) -> None:
        """All that the target lacks. Raises StorageFailed, OSError: what is done then is done."""
        there = {blob.sha256: blob.size for blob in self._target.all()}
        here = {blob.sha256: blob for place in self._places for blob in place.all()}
        lacking = [blob for name, blob in sorted(here.items()) if there.get(name) != blob.size]
        with (
            shown.stage("Copying bytes", sum(blob.size for blob in lacking)) as done,
            ThreadPoolExecutor(AT_ONCE) as threads,
        ):
            for some in batched(lacking, AHEAD):
                self.copied_bytes += sum(threads.map(partial(self._copy, done), some))
        for place in self._places:
            for name in place.notes():
                if (text := place.noted(name)) and self._target.noted(name) != text:
                    self._target.note(name, text)

    def lacking(self, named: set[str]) -> set[str]:
        """Which of these the target does not have. Raises StorageFailed."""
        return named - {blob.sha256 for blob in self._target.all()}

    def read_back(self, shown: Shown) -> Iterator[str]:
        """What is wrong with the bytes that the target has, as a sentence each. Raises StorageFailed."""
        there = {blob.sha256: blob.size for blob in self._target.all()}
        with shown.stage("Reading back", sum(there.values())) as done, ThreadPoolExecutor(AT_ONCE) as threads:
            for some in batched(sorted(there), AHEAD):
                yield from filter(None, threads.map(partial(self._wrong_with, done), some))

    def _copy(self, done: Done, blob: Blob) -> int:
        """How many bytes. Of bytes that have gone meanwhile none: whether they are missed is asked later."""
        for place in self._places:
            with local(place, blob.sha256) as path:
                if path and self._keep(path, blob.sha256):
                    self.copied += 1
                    done(blob.size)
                    return blob.size
        done(blob.size)
        return 0

    def _keep(self, path: Path, sha256: str) -> bool:
        """False if the bytes are damaged, or have just gone. Raises StorageFailed, OSError."""
        try:
            self._target.keep(path, Blob(sha256, path.stat().st_size))
            return True
        except (OSError, StorageFailed):
            if not path.exists():
                return False
            if digest(path) == sha256:
                raise
            return False

    def _wrong_with(self, done: Done, sha256: str) -> str:
        try:
            for chunk in checked(self._target, sha256):
                done(len(chunk))
        except StorageFailed as trouble:
            return str(trouble)
        return ""


class Trashed(FolderDepot):
    """What a folder is about to delete, and may put back."""

    def all(self) -> Iterator[Blob]:
        with plainly("the trash", "be listed"):
            for path in self.path("").glob("*"):
                if SHA256.fullmatch(path.name):
                    yield Blob(path.name, path.stat().st_size)

    def path(self, sha256: str) -> Path:
        return self._root / "trash" / sha256

    def notes(self) -> Iterator[str]:
        return iter(())


def places_of(settings: Settings) -> list[Depot]:
    """Where a service's bytes may be, in the order in which they go from one place to the next."""
    blobs = None if settings.uses_object_store else settings.blobs_path
    return ways(FolderDepot(settings.data_dir / "overflow"), depot_of(settings), blobs)


def ways(overflow: Depot, store: Depot, blobs: Path | None) -> list[Depot]:
    """`blobs` is the store's folder, if it is one: what it is about to delete may be put back."""
    return [overflow, store, Trashed(blobs), store] if blobs else [overflow, store]


@contextmanager
def local(place: Depot, sha256: str) -> Iterator[Path | None]:
    """A file with these bytes, if the place has them. Raises StorageFailed, OSError."""
    if isinstance(place, FolderDepot):
        path = place.path(sha256)
        yield path if path.is_file() else None
        return
    if place.size(sha256) is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="docledger-") as folder:
        draft = Draft(Path(folder), lambda _: None)
        try:
            for chunk in place.chunks(sha256):
                draft.write([chunk])
            draft.seal()
            yield draft.path
        finally:
            draft.discard()
