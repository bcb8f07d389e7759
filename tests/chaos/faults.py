"""The plan carried out: every fault at its moment, each in a task of its own, all made good at the end."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from itertools import repeat
from pathlib import Path

import httpx
import trio

from tests.chaos.docledger import Docledger
from tests.chaos.marks import first_content
from tests.chaos.people import Desktop
from tests.chaos.plan import After, Fault, Kind, filetype
from tests.chaos.processes import Say, Server
from tests.chaos.server import DocumentServer

PATIENCE = 5.0  # seconds that a kill waits for the save that it is to strike
LOCKING = 20.0  # seconds until the journal's lock must be had
TRIES = 20  # at what needs a server that is just being started
AGAIN = 0.5  # seconds between two of them


@dataclass(slots=True)
class Faults:
    docledger: Server
    server: Server
    api: Docledger
    control: DocumentServer
    desktop: Desktop
    data: Path
    say: Say
    uploads: list[tuple[str, str]] = field(default_factory=list)  # file and sha256, once answered

    async def carry_out(self, plan: Sequence[Fault]) -> None:
        async with trio.open_nursery() as nursery:
            for fault in plan:
                nursery.start_soon(self._at_its_moment, fault)

    async def _at_its_moment(self, fault: Fault) -> None:
        await trio.sleep(fault.at)
        self.say(str(fault))
        match fault.kind:
            case Kind.KILL:
                await self.docledger.kill(fault.seconds, self._struck(fault.after), PATIENCE)
            case Kind.KILL_SERVER:
                await self.server.kill(fault.seconds, repeat(True), 0)
            case Kind.CONTROL:
                await self._tell(fault)
            case Kind.BLOBS:
                with blobs_broken(self.data / "blobs"):
                    await trio.sleep(fault.seconds)
            case Kind.JOURNAL:
                with journal_locked(self.database):
                    await trio.sleep(fault.seconds)
            case Kind.UPLOAD | Kind.RESTORE:
                await self._from_outside(fault)

    @property
    def database(self) -> Path:
        return self.data / "docledger.db"

    def _struck(self, after: After) -> Iterator[bool]:
        """Again and again whether it is time to kill."""
        match after:
            case After.OFFER:
                return _grown(lambda: last_offer(self.database))
            case After.ANSWER:
                return _grown(lambda: _size(self.control.offers_file))
        return repeat(True)

    async def _tell(self, fault: Fault) -> None:
        key = None if fault.document is None else self.desktop.keys.get(fault.document)
        if fault.document is None or key is not None:  # else nobody could open it yet
            await _until_heard(partial(self.control.fault, fault.control, key), httpx.TransportError)

    async def _from_outside(self, fault: Fault) -> None:
        """Somebody who does not edit; refused by a server that is down, they come again."""
        change = self._upload if fault.kind is Kind.UPLOAD else self._restore
        await _until_heard(partial(change, fault), httpx.HTTPError)

    async def _restore(self, fault: Fault) -> None:
        file = self.desktop.files[fault.document or 0]
        versions = await self.api.versions(file)
        await self.api.restore(file, versions[int(fault.which * len(versions))]["number"])

    async def _upload(self, fault: Fault) -> None:
        document = fault.document or 0
        content = first_content(filetype(document), self.desktop.new_mark(document, "outside"))
        await self.api.upload(self.desktop.files[document], content)
        self.uploads.append((self.desktop.files[document], sha256(content).hexdigest()))


async def _until_heard(ask: Callable[[], Awaitable[None]], deaf: type[Exception]) -> None:
    for _ in range(TRIES):
        try:
            return await ask()
        except deaf:
            await trio.sleep(AGAIN)
    return None


@contextmanager
def blobs_broken(root: Path) -> Iterator[None]:
    """Where drafts belong is a file: nothing can be written, not even by root."""
    drafts, aside = root / "tmp", root / "tmp-aside"
    drafts.rename(aside)
    drafts.touch()
    try:
        yield
    finally:
        drafts.unlink()
        aside.rename(drafts)


@contextmanager
def journal_locked(database: Path) -> Iterator[None]:
    """Somebody else holds the write lock: whoever wants to write hears, in the end, that it is locked."""
    with closing(sqlite3.connect(database, isolation_level=None, timeout=LOCKING)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")


def last_offer(database: Path) -> int:
    """The position of the latest offer in the log; it grows with each new one."""
    sql = "SELECT max(position) FROM stored_events WHERE topic LIKE '%SaveOffered%' AND position > ("
    sql += "SELECT max(position) - 500 FROM stored_events)"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=0)) as connection:
        return int(connection.execute(sql).fetchone()[0] or 0)


def _grown(measure: Callable[[], int]) -> Iterator[bool]:
    before: int | None = None
    while True:
        with suppress(OSError, sqlite3.Error):
            now = measure()
            if before is not None and now > before:
                yield True
            before = now
        yield False


def _size(path: Path) -> int:
    return path.stat().st_size
