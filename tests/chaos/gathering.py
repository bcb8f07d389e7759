"""The records of a run: what the server says it offered, and what Docledger serves now, byte by byte."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from math import inf
from typing import Any

import trio

from tests.chaos.docledger import Docledger
from tests.chaos.marks import marks_in
from tests.chaos.server import DocumentServer
from tests.chaos.verdict import Offer, Records, Session, Version

AT_ONCE = 8  # requests


class Gathering:
    """Can be repeated while something is still on its way: a version is read once."""

    def __init__(self, api: Docledger, control: DocumentServer, files: Iterable[str]) -> None:
        self._api, self._control = api, control
        self._files = list(files)
        self._versions: dict[tuple[str, int], Version] = {}
        self._limit = trio.CapacityLimiter(AT_ONCE)

    async def gather(self, typed: Mapping[int, str], uploads: Iterable[tuple[str, str]]) -> Records:
        offers = [_offer(self._control, entry) for entry in await self._control.offers()]
        sessions: dict[str, Session] = {}
        versions: dict[str, list[Version]] = {}

        async def look_up(key: str) -> None:
            async with self._limit:
                if session := await _session(self._api, key):
                    sessions[key] = session

        async def read(file: str) -> None:
            async with self._limit:
                versions[file] = [await self._version(file, row) for row in await self._api.versions(file)]

        async with trio.open_nursery() as nursery:
            for key in {offer.key for offer in offers} | set(typed.values()):
                nursery.start_soon(look_up, key)
            for file in self._files:
                nursery.start_soon(read, file)
        return Records(sessions, versions, offers, dict(typed), list(uploads))

    async def _version(self, file: str, row: Mapping[str, Any]) -> Version:
        number = int(row["number"])
        if (file, number) not in self._versions:
            self._versions[file, number] = _version(row, await self._api.content(file, number))
        return self._versions[file, number]


def _offer(control: DocumentServer, entry: Mapping[str, Any]) -> Offer:
    """The digest is that of the bytes which the server kept, not the one it noted."""
    digest = sha256(control.offered(entry["sha256"])).hexdigest()
    return Offer(entry["key"], entry["status"], entry["path"], digest, entry["accepted"], entry["at"])


async def _session(api: Docledger, key: str) -> Session | None:
    document = await api.document(key)
    if document is None:
        return None
    events = await api.events(key)
    given_up = any(event["type"] == "Errored" and _gives_up(event["data"]) for event in events)
    used_up = min((_moment(event["at"]) for event in events if event["type"] == "Saved"), default=inf)
    return Session(document["file_id"], document["base"], given_up, used_up)


def _moment(said: str) -> float:
    return datetime.fromisoformat(said).timestamp()


def _gives_up(errored: Mapping[str, Any]) -> bool:
    """A final save that failed without bytes; one that came with bytes names no offer of its own."""
    ended = (errored["source"], errored["next"]) == ("server", "close")
    return ended and errored["offer"] is not None


def _version(row: Mapping[str, Any], content: bytes) -> Version:
    digest, created = sha256(content).hexdigest(), _moment(row["created"])
    return Version(row["number"], digest, row["trigger"], row["head"], row["key"], marks_in(content), created)
