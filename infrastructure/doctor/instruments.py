"""The instruments of an examination, put together from the settings."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar
from urllib.parse import urlsplit

import trio

from application.doctor.patience import Patience
from application.doctor.seen import (
    BlobTrip,
    Counting,
    Database,
    Disk,
    Heard,
    Leftovers,
    Postgres,
    Setup,
    Silence,
)
from application.limits import NotCounted
from application.ports import ServerUnreachable, StorageFailed
from infrastructure.blobs import LocalBlobs
from infrastructure.databases import CannotRead
from infrastructure.doctor import database, postgres, storage
from infrastructure.doctor.listening import Listening
from infrastructure.doctor.scratch import Scratch
from infrastructure.document_server import Endpoint, HttpDocumentServer
from infrastructure.limits import limits_of
from infrastructure.posting import Sign
from infrastructure.settings import Settings
from infrastructure.store_urls import MEMORY, without_password
from infrastructure.tokens import JwtTokens

RESULT = 64 * 1024  # bytes: a probe's result is a line of text

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Instruments:
    settings: Settings
    setup: Setup
    server: HttpDocumentServer
    stranger: HttpDocumentServer
    scratch: Scratch
    listening: Listening

    async def get(self, url: str) -> Heard | Silence:
        """What we reach for every save is trusted no further than saves trust it."""
        return await self.listening.get(url, strict=url.startswith(self.setup.internal_url))

    async def fetched(self, url: str) -> bytes:
        return self.scratch.take(await self.server.fetch(url))

    async def addresses(self, url: str) -> tuple[str, ...]:
        try:
            found = await trio.socket.getaddrinfo(urlsplit(url).hostname, None)
        except OSError:
            return ()
        return tuple({str(address[4][0]) for address in found})

    async def disks(self) -> Sequence[Disk]:
        return await _in_thread(lambda: list(storage.disks(self.settings)))

    async def blobs(self) -> BlobTrip | None:
        if self.settings.uses_object_store:
            return await _in_thread(partial(storage.object_trip, self.settings))
        if not self.settings.blobs_path.exists():
            return None
        stage = "kept"
        try:
            store = await _in_thread(partial(LocalBlobs, self.settings.blobs_path))
            content = secrets.token_bytes(4096)
            blob = await store.keep(_chunks(content), limit=len(content))
            stage = "read back"
            came_back = b"".join([chunk async for chunk in store.read(blob.sha256)])
            if came_back != content:
                return BlobTrip(stage, "other bytes came back")
            stage = "discarded"
            if not await store.discard(blob.sha256, idle=0, referenced=_never):
                return BlobTrip(stage, "it is still there")
        except StorageFailed as failure:
            return BlobTrip(stage, str(failure))
        return BlobTrip()

    async def database(self) -> Database | Postgres:
        place, now = self.settings.database, datetime.now(UTC)
        if isinstance(place, str):
            return await _in_thread(partial(postgres.look, place, now))
        return await _in_thread(partial(database.database, place, now))

    async def counting(self) -> Counting:
        url, began = self.settings.rate_limit_url, trio.current_time()
        if url == MEMORY:
            return Counting("")
        where = without_password(url)
        try:
            await limits_of(url, "off", "off").counters.probe()
        except NotCounted as trouble:
            return Counting(where, str(trouble))
        return Counting(where, seconds=trio.current_time() - began)

    async def open_keys(self) -> Sequence[str]:
        try:
            return await _in_thread(partial(database.open_keys, self.settings.database))
        except CannotRead:
            return ()

    async def leftovers(self) -> Leftovers:
        here = await _in_thread(partial(storage.left_here, self.settings))
        try:
            keys = (await self.server.command("getForgottenList")).body.get("keys")
            ours = partial(database.known_keys, self.settings.database, [str(key) for key in keys or ()])
            return replace(here, forgotten=await _in_thread(ours) if keys else 0)
        except (ServerUnreachable, CannotRead):
            return here


@asynccontextmanager
async def instruments(
    settings: Settings, setup: Setup, sign: Sign | None, patience: Patience
) -> AsyncIterator[Instruments]:
    """`sign` makes the Document Server's tokens; None where it wants none."""
    endpoint = Endpoint(
        public_url=setup.server_url,
        internal_url=setup.internal_url,
        result_origins=tuple(setup.result_origins),
        max_bytes=RESULT,
        ca_bundle=settings.ca_bundle,
        command_seconds=patience.answer,
        info_seconds=patience.answer,
        download_seconds=patience.answer,
        idle_seconds=patience.answer,
    )
    nobody = JwtTokens(secrets.token_hex(32), secrets.token_hex(32), None)
    scratch = Scratch()

    def made() -> Instruments:
        return Instruments(
            settings,
            setup,
            HttpDocumentServer(endpoint, scratch, sign),
            HttpDocumentServer(endpoint, scratch, nobody.sign_command),
            scratch,
            Listening(settings.ca_bundle, patience.page),
        )

    made_of = await trio.to_thread.run_sync(made)  # to read all authorities takes a tenth of a second
    async with made_of.server, made_of.stranger, made_of.listening:
        yield made_of


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _never() -> bool:
    return False


async def _in_thread(work: Callable[[], T]) -> T:
    """A hung disk is left behind: the thread may wait, the examination does not."""
    return await trio.to_thread.run_sync(work, abandon_on_cancel=True)
