"""Sidecars as small JSON files in one folder, each synced before it has its name.

Several processes may share the folder. A file's name says by the number of a seat whose it is; what is left
at a seat that nobody has is taken over.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager, nullcontext
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import trio

from application.plain import from_plain, to_plain
from application.sidecars import Sidecar
from infrastructure.durable import Draft, Folders, plainly, publish
from infrastructure.seats import Seats

logger = logging.getLogger(__name__)

T = TypeVar("T")


class LocalSidecars:
    """What cannot be read is set apart as `….unreadable`, never deleted."""

    def __init__(
        self,
        root: Path,
        seats: Seats | None = None,
        seat: int = 1,
        *,
        fsync: Callable[[int], None] = os.fsync,
    ) -> None:
        """Without `seats` all that is there is ours. Raises StorageFailed."""
        self._root = root.absolute()
        self._seats = seats
        self._seat = seat
        self._fsync = fsync
        self._folders = Folders(fsync)
        self._thread = trio.CapacityLimiter(1)
        with plainly("the sidecars' folder", "be prepared"):
            self._folders.make(self._root)
            self._sweep(seat)
            self._take_over()
            ours = (self._read(path) for path in self._at(seat, ".json"))
            self._keys = {sidecar.id: sidecar.key for sidecar in ours if sidecar}

    async def put(self, sidecar: Sidecar) -> None:
        path = self._path(sidecar.id)
        content = json.dumps(to_plain(sidecar)).encode()
        draft = Draft(self._root, self._fsync, f"{_mark(self._seat)}.draft")
        await self._in_thread("write", lambda: publish(draft, content, path, self._folders))
        self._keys[sidecar.id] = sidecar.key

    async def drop(self, id_: str) -> None:
        path = self._path(id_)
        await self._in_thread("delete", lambda: path.unlink(missing_ok=True))
        self._keys.pop(id_, None)

    def __len__(self) -> int:
        return len(self._keys)

    def holds(self, key: str) -> bool:
        return key in self._keys.values()

    def tells(self, sidecar: Sidecar) -> bool:
        return sidecar.id in self._keys

    async def waiting(self) -> Sequence[Sidecar]:
        return await self._in_thread("read", self._read_all)

    async def take_over(self) -> bool:
        """Whether processes that are no more had left something. Raises StorageFailed."""
        found = await self._in_thread("be taken over", self._take_over)
        self._keys |= found
        return bool(found)

    def _take_over(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for seat in {_seat_of(path) for path in self._root.iterdir()} - {self._seat}:
            with self._seats.free(seat) if self._seats else nullcontext(enter_result=True) as nobody:
                if nobody:
                    found |= self._take(seat)
        return found

    def _take(self, seat: int) -> dict[str, str]:
        """A kill in between leaves each file at one seat or the other."""
        self._sweep(seat)
        found = {}
        for path in self._at(seat, ".json"):
            if theirs := self._read(path):
                target = self._path(theirs.id)
                ours = self._read(target)
                if ours is None:
                    path.replace(target)
                    found[theirs.id] = theirs.key
                elif ours.stored or not theirs.stored:  # else the errand for ours may yet drop what we have
                    path.unlink()
        self._folders.sync(self._root)
        return found

    def _path(self, id_: str) -> Path:
        name = sha256(id_.encode()).hexdigest()  # a key may be any text
        return self._root / f"{name}{_mark(self._seat)}.json"

    def _sweep(self, seat: int) -> None:
        for draft in self._at(seat, ".draft"):
            draft.unlink()

    def _at(self, seat: int, ending: str) -> Sequence[Path]:
        return [path for path in sorted(self._root.glob(f"*{ending}")) if _seat_of(path) == seat]

    def _read_all(self) -> Sequence[Sidecar]:
        return [sidecar for path in sorted(self._root.glob("*.json")) if (sidecar := self._read(path))]

    def _read(self, path: Path) -> Sidecar | None:
        try:
            return from_plain(Sidecar, json.loads(path.read_bytes()))
        except FileNotFoundError:  # dropped meanwhile
            return None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            aside = path.with_suffix(".unreadable")
            path.replace(aside)
            logger.critical("a sidecar cannot be read and is kept as %s: %s", aside, error)
            return None

    async def _in_thread(self, verb: str, work: Callable[[], T]) -> T:
        with plainly("the sidecars' folder", verb):
            return await trio.to_thread.run_sync(work, limiter=self._thread)


@asynccontextmanager
async def seated(data: Path) -> AsyncIterator[LocalSidecars]:
    """In a folder of the data folder that other processes may share. Raises StorageFailed."""
    with ExitStack() as stack:
        with plainly("the seats' folder", "be prepared"):
            seats = Seats(data / "seats")
            seat = stack.enter_context(seats.taken())
        yield LocalSidecars(data / "sidecars", seats, seat)


def _mark(seat: int) -> str:
    return "" if seat == 1 else f".{seat}"


def _seat_of(path: Path) -> int:
    _, _, seat = path.stem.partition(".")
    return int(seat) if seat.isdecimal() else 1
