"""The records of a run: what the server says it offered, and what Docledger serves now, byte by byte."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

import trio

from tests.chaos.docledger import Docledger
from tests.chaos.marks import marks_in
from tests.chaos.server import DocumentServer
from tests.chaos.verdict import Offer, Records, Session, Version

AT_ONCE = 8  # requests


async def gather(
    api: Docledger,
    control: DocumentServer,
    files: Iterable[str],
    typed: Mapping[int, str],
    uploads: Iterable[tuple[str, str]],
) -> Records:
    offers = [_offer(control, entry) for entry in await control.offers()]
    keys = {offer.key for offer in offers} | set(typed.values())
    limit = trio.CapacityLimiter(AT_ONCE)
    sessions: dict[str, Session] = {}
    versions: dict[str, list[Version]] = {}

    async def look_up(key: str) -> None:
        async with limit:
            if session := await _session(api, key):
                sessions[key] = session

    async def read(file: str) -> None:
        async with limit:
            versions[file] = [await _version(api, file, row) for row in await api.versions(file)]

    async with trio.open_nursery() as nursery:
        for key in keys:
            nursery.start_soon(look_up, key)
        for file in files:
            nursery.start_soon(read, file)
    return Records(sessions, versions, offers, dict(typed), list(uploads))


def _offer(control: DocumentServer, entry: Mapping[str, Any]) -> Offer:
    """The digest is that of the bytes which the server kept, not the one it noted."""
    digest = sha256(control.offered(entry["sha256"])).hexdigest()
    return Offer(entry["key"], entry["status"], entry["path"], digest, entry["accepted"], entry["at"])


async def _session(api: Docledger, key: str) -> Session | None:
    document = await api.document(key)
    if document is None:
        return None
    given_up = any(event["type"] == "Errored" and _gives_up(event["data"]) for event in await api.events(key))
    return Session(document["file_id"], document["base"], given_up)


def _gives_up(errored: Mapping[str, Any]) -> bool:
    """A final save that failed without bytes; one that came with bytes names no offer of its own."""
    ended = (errored["source"], errored["next"]) == ("server", "close")
    return ended and errored["offer"] is not None


async def _version(api: Docledger, file: str, row: Mapping[str, Any]) -> Version:
    content = await api.content(file, row["number"])
    digest = sha256(content).hexdigest()
    created = datetime.fromisoformat(row["created"]).timestamp()
    return Version(row["number"], digest, row["trigger"], row["head"], row["key"], marks_in(content), created)
