"""An examination: everything is looked at, side by side where it can be, each within its time."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

import trio

from application.doctor import keeping, server, setup, traffic, vulnerabilities
from application.doctor.addresses import path, root
from application.doctor.checks import Check, fail, not_tried
from application.doctor.landing import Landing
from application.doctor.patience import Patience
from application.doctor.postgres import judge_postgres
from application.doctor.roundtrip import Roundtrip, said
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
from application.ports import Code, DocumentServer

logger = logging.getLogger(__name__)

HEALTH, SCRIPT = "/healthcheck", "/web-apps/apps/api/documents/api.js"
AFTER_CONTACT = ("version", "secret", "refuses_strangers", "clocks", "editor_script")
AFTER_SECRET = ("reaches_us", "results", "callbacks")
NAMES = (
    *("settings", "secrets", "callback_reply", "document_server", "certificate", *AFTER_CONTACT),
    *("mixed_content", "public_url", "storage_url", "proxy", *AFTER_SECRET),
    *("disk", "blob_store", "database", "log", "rate_limit", "undelivered_saves"),
)
NOBODY_LISTENS = "nothing comes in here: see the check service."
PATIENT = Patience()

Work = Callable[[], Awaitable[None]]


class Instruments(Protocol):
    """What an examination looks through. Only `fetched` raises anything."""

    @property
    def setup(self) -> Setup: ...

    @property
    def server(self) -> DocumentServer:
        """Impatient: it waits a few seconds for an answer."""
        ...

    @property
    def stranger(self) -> DocumentServer:
        """The same one, asked with a secret that nobody knows."""
        ...

    async def get(self, url: str) -> Heard | Silence: ...

    async def fetched(self, url: str) -> bytes:
        """A result, as every result is fetched. Raises DownloadFailed, TooLarge."""
        ...

    async def addresses(self, url: str) -> tuple[str, ...]: ...

    async def disks(self) -> Sequence[Disk]: ...

    async def blobs(self) -> BlobTrip | None: ...

    async def database(self) -> Database | Postgres: ...

    async def counting(self) -> Counting: ...

    async def open_keys(self) -> Sequence[str]:
        """Of documents that are open, as far as the log can be read."""
        ...

    async def leftovers(self) -> Leftovers: ...


class Examination:
    def __init__(
        self,
        instruments: Instruments,
        landing: Landing | None,
        now: Callable[[], datetime],
        patience: Patience = PATIENT,
    ) -> None:
        """`landing` is None where nothing can come in: there is nobody who listens."""
        self._look = instruments
        self._setup = instruments.setup
        self._landing = landing
        self._now = now
        self._patience = patience
        self._checks: dict[str, Check] = {}

    async def run(self) -> Sequence[Check]:
        async with trio.open_nursery() as nursery:
            for names, work in self._stations():
                nursery.start_soon(self._station, names, work)
        return [self._checks[name] for name in NAMES]

    def _stations(self) -> Iterator[tuple[Sequence[str], Work]]:
        yield ("settings", "secrets", "callback_reply", "mixed_content"), self._by_themselves
        yield ("document_server", "certificate", *AFTER_CONTACT, *AFTER_SECRET), self._server
        yield ("public_url", "proxy"), self._public
        yield ("storage_url",), self._storage
        yield ("disk",), self._disks
        yield ("blob_store",), self._blobs
        yield ("database", "log"), self._database
        yield ("rate_limit",), self._counting
        yield ("undelivered_saves",), self._leftovers

    async def _station(self, names: Sequence[str], work: Work) -> None:
        """What goes wrong in a check is that check's own failure."""
        words = f"it took longer than {self._patience.everything:g} s"
        try:
            with trio.move_on_after(self._patience.everything):
                await work()
        except Exception as bug:
            logger.exception("a check of the doctor failed: %s", ", ".join(names))
            words = type(bug).__name__
        for name in names:
            self._checks.setdefault(
                name, fail(name, f"The check itself failed: {words}.", "Run it again; the log may say more.")
            )

    def _note(self, *checks: Check) -> None:
        self._checks |= {check.name: check for check in checks}

    async def _by_themselves(self) -> None:
        judges = (setup.judge_settings, setup.judge_secrets, setup.judge_saving, setup.judge_mixed_content)
        self._note(*(judge(self._setup) for judge in judges))
        await trio.lowlevel.checkpoint()

    async def _server(self) -> None:
        url = self._setup.internal_url
        if not url:
            self._note(server.NO_STANDIN)
            rest = ("certificate", *AFTER_CONTACT, *AFTER_SECRET)
            self._note(*(not_tried(name, "no Document Server runs.", server.START) for name in rest))
            return
        heard, without_path = await self._look.get(url + HEALTH), None
        if isinstance(heard, Heard) and path(url) and not server.is_well(heard):
            without_path = await self._look.get(root(url) + HEALTH)
        self._note(
            server.judge_server(self._setup, heard, without_path),
            server.judge_certificate(self._setup, heard, self._now()),
        )
        if isinstance(heard, Silence) or heard.text.strip() not in {"true", "false"}:
            because = "no Document Server answers."
            self._note(*(not_tried(name, because) for name in (*AFTER_CONTACT, *AFTER_SECRET)))
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._script)
            nursery.start_soon(self._strangers)
            await self._acquainted(heard)

    async def _acquainted(self, heard: Heard) -> None:
        answer = await said(self._look.server.command("version"))
        self._note(server.judge_secret(self._setup, answer))
        if isinstance(answer, Silence) or answer.error != Code.OK:
            because = "the Document Server does not answer our commands."
            self._note(*(not_tried(name, because) for name in ("version", *AFTER_SECRET)))
            self._note(server.judge_clocks(heard, None))
            return
        self._note(vulnerabilities.judge_version(answer.version, standin=self._setup.standin))
        ahead = None
        if self._landing is None:
            self._note(*(not_tried(name, NOBODY_LISTENS) for name in AFTER_SECRET))
        else:
            ahead = await self._roundtrip(self._landing).run()
        self._note(server.judge_clocks(heard, ahead))

    def _roundtrip(self, landing: Landing) -> Roundtrip:
        return Roundtrip(self._look, landing, self._note, self._patience.conversion)

    async def _strangers(self) -> None:
        answer = await said(self._look.stranger.command("version"))
        self._note(server.judge_strangers(self._setup, answer))

    async def _script(self) -> None:
        heard = await self._look.get(self._setup.server_url + SCRIPT)
        self._note(server.judge_script(self._setup, heard))

    async def _public(self) -> None:
        if self._landing is None:
            self._note(*(not_tried(name, NOBODY_LISTENS) for name in ("public_url", "proxy")))
            return
        url = self._setup.public_url
        async with self._landing.opened() as probe:
            heard = await self._look.get(url + probe.path)
            await self._landing.gather(probe)
            self._note(
                traffic.judge_own_address("public_url", "PUBLIC_URL", url, heard, probe.visit),
                traffic.judge_proxy(self._setup, probe.visit),
            )

    async def _storage(self) -> None:
        if self._landing is None:
            self._note(not_tried("storage_url", NOBODY_LISTENS))
            return
        url = self._setup.storage_url
        async with self._landing.opened() as probe:
            heard = await self._look.get(url + probe.path)
            await self._landing.gather(probe)
            self._note(traffic.judge_own_address("storage_url", "STORAGE_URL", url, heard, probe.visit))

    async def _disks(self) -> None:
        self._note(keeping.judge_disks(self._setup, await self._look.disks()))

    async def _blobs(self) -> None:
        self._note(keeping.judge_blobs(await self._look.blobs()))

    async def _database(self) -> None:
        seen = await self._look.database()
        judged = judge_postgres(seen) if isinstance(seen, Postgres) else keeping.judge_database(seen)
        self._note(judged, keeping.judge_log(self._setup, seen))

    async def _counting(self) -> None:
        self._note(keeping.judge_counting(await self._look.counting()))

    async def _leftovers(self) -> None:
        self._note(keeping.judge_leftovers(await self._look.leftovers()))
