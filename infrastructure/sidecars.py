"""Sidecars as small JSON files in one folder, each synced before it has its name."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import trio

from application.plain import from_plain, to_plain
from application.sidecars import Sidecar
from infrastructure.durable import Draft, Folders, plainly, publish

logger = logging.getLogger(__name__)

T = TypeVar("T")


class LocalSidecars:
    """What cannot be read is set apart as `….unreadable`, never deleted."""

    def __init__(self, root: Path, *, fsync: Callable[[int], None] = os.fsync) -> None:
        """Raises StorageFailed."""
        self._root = root.absolute()
        self._fsync = fsync
        self._folders = Folders(fsync)
        self._thread = trio.CapacityLimiter(1)
        with plainly("the sidecars' folder", "be prepared"):
            self._folders.make(self._root)
            for draft in self._root.glob("*.draft"):
                draft.unlink()
            self._keys = {sidecar.id: sidecar.key for sidecar in self._read_all()}

    async def put(self, sidecar: Sidecar) -> None:
        path = self._path(sidecar.id)
        content = json.dumps(to_plain(sidecar)).encode()
        draft = Draft(self._root, self._fsync, ".draft")
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

    async def waiting(self) -> Sequence[Sidecar]:
        return await self._in_thread("read", self._read_all)

    def _path(self, id_: str) -> Path:
        return self._root / f"{sha256(id_.encode()).hexdigest()}.json"  # a key may be any text

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
