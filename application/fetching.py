"""One offer's way into the blob store: fetch, look at it, and try again while that makes sense."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import fields
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import trio

from application.converting import in_its_own_type
from application.journal import JournalFailed
from application.ports import Blob, DownloadFailed, DownloadGone, StorageFailed, TooLarge, Verdict
from application.sidecars import Sidecar
from application.world import World
from domain.commands import CommitOffer, NoteFailure, TakeOffer
from domain.events import SaveOffered
from domain.words import Next, Source

logger = logging.getLogger(__name__)

LONGEST = timedelta(days=1)  # however long a url claims to live
FORMS_PAUSES = (1.0, 2.0, 4.0)  # seconds between attempts at a form's data
GONE = 7  # refusals of its url after which an offer is given up, a minute after the first

Outcome = CommitOffer | NoteFailure


class Failed(Exception):
    def __init__(self, source: Source, detail: str, *, hopeless: bool = False) -> None:
        super().__init__(detail)
        self.source = source
        self.detail = detail
        self.hopeless = hopeless


class Fetch:
    """The errand of one offer. `renew` gives it fresh urls when the server repeats the offer."""

    def __init__(self, key: str, offer: SaveOffered, world: World, filetype: str = "") -> None:
        """`filetype` is the document's own, into which other results are converted; empty for none."""
        self._key = key
        self.offer = offer
        self._world = world
        self._filetype = filetype
        self._url, self._changes_url = offer.url, offer.changes_url
        self._forms_data_url = offer.forms_data_url
        self._had_at = offer.at
        self._renewed = trio.Event()
        self._suspect: Blob | None = None
        self._hopeless = 0  # failures in a row that another attempt could hardly mend
        self._aside: str | None = None  # the id of the sidecar that has been written

    def renew(self, repeat: TakeOffer) -> None:
        if repeat.url != self._url:
            self._url, self._changes_url = repeat.url, repeat.changes_url or self._changes_url
            self._forms_data_url = repeat.forms_data_url or self._forms_data_url
            self._had_at = self._world.now()
            self._renewed.set()

    async def run(self, report: Callable[[Outcome], Awaitable[bool]]) -> None:
        """Until `report` says that the offer is settled. A report that is not taken is a failure too."""
        attempt = 0
        outcome: Outcome | None = None
        while True:
            if not isinstance(outcome, CommitOffer):  # what is safe is not fetched again
                attempt += 1
                outcome = await self._attempt(attempt)
            if await self._told(report, outcome):
                return
            pause = min(2.0 ** (attempt - 1), self._world.patience.backoff)
            with trio.move_on_after(pause):
                await self._renewed.wait()
            self._renewed = trio.Event()

    async def _told(self, report: Callable[[Outcome], Awaitable[bool]], outcome: Outcome) -> bool:
        try:
            if not await report(outcome):
                return False
            if self._aside:
                await self._world.sidecars.drop(self._aside)
            return True
        except JournalFailed:
            await self._set_aside(outcome)
        except StorageFailed as trouble:  # nobody is let in while it lies there
            logger.warning("%s: a sidecar cannot be removed yet: %s", self._key, trouble)
        return False

    async def _set_aside(self, outcome: Outcome) -> None:
        """The bytes are safe, and so must be what they are, should the journal fail longer than we live."""
        if self._aside or not isinstance(outcome, CommitOffer):
            return
        sidecar = sidecar_of(self._key, self.offer, outcome)
        try:
            await self._world.sidecars.put(sidecar)
        except StorageFailed as trouble:
            logger.critical("%s: neither the journal nor the disk takes a save: %s", self._key, trouble)
        else:
            self._aside = sidecar.id

    async def _attempt(self, attempt: int) -> Outcome:
        try:
            blob, verdict = await self._secure()
        except Failed as failure:
            return self._failure(failure, attempt)
        if verdict.accepted:
            return await self._stored(blob)
        if self._suspect != blob:  # it may have been garbled on the way: fetch once more
            self._suspect = blob
            return self._failure(Failed(Source.VERIFICATION, verdict.reason), attempt)
        return await self._quarantine(blob, verdict.reason, attempt)

    async def _stored(self, blob: Blob) -> CommitOffer:
        stored = CommitOffer(
            at=self._world.now(),
            offer=self.offer.offer,
            sha256=blob.sha256,
            size=blob.size,
            changes_sha256=await self._changes(),
            forms_sha256=await self._forms_data(),
        )
        return await in_its_own_type(self._world, stored, self.offer, self._url, self._filetype)

    async def _secure(self) -> tuple[Blob, Verdict]:
        try:
            blob = await self._world.server.fetch(self._url)
            return blob, await self._world.inspector.inspect(blob.sha256, self.offer.filetype)
        except DownloadGone as gone:
            raise Failed(Source.DOWNLOAD, str(gone), hopeless=True) from gone
        except DownloadFailed as trouble:
            raise Failed(Source.DOWNLOAD, str(trouble)) from trouble
        except TooLarge as trouble:
            raise Failed(Source.STORAGE, str(trouble), hopeless=True) from trouble
        except StorageFailed as trouble:
            raise Failed(Source.STORAGE, str(trouble)) from trouble

    async def _changes(self) -> str | None:
        """The server's record of who changed what, for its history panel: welcome, never waited for long."""
        with trio.move_on_after(self._world.patience.changes):
            return await self._welcome(self._changes_url, "the record of changes is not kept")
        return None

    async def _forms_data(self) -> str | None:
        """What was filled into a form: there is no other copy, so one failure is not the end."""
        with trio.move_on_after(self._world.patience.forms_data):
            for pause in (*FORMS_PAUSES, None):
                digest = await self._welcome(self._forms_data_url, "a form's data did not come")
                if digest or self._forms_data_url is None or pause is None:
                    return digest
                await trio.sleep(pause)
        return None

    async def _welcome(self, url: str | None, without: str) -> str | None:
        """The digest of what makes a save better, and is no reason not to have it."""
        if url is None:
            return None
        try:
            return (await self._world.server.fetch(url)).sha256
        except (DownloadFailed, TooLarge, StorageFailed) as trouble:
            logger.warning("%s: %s: %s", self._key, without, trouble)
            return None

    async def _quarantine(self, blob: Blob, reason: str, attempt: int) -> Outcome:
        note = {"key": self._key, "offer": self.offer.offer, "url": self._url, "reason": reason}
        try:
            await self._world.blobs.quarantine(blob.sha256, f"{self._key}_{self.offer.offer}", note)
        except StorageFailed as trouble:
            return self._failure(Failed(Source.STORAGE, str(trouble)), attempt)
        logger.critical("%s: an offer is no document and is in quarantine: %s", self._key, reason)
        return self._note(Source.VERIFICATION, reason, attempt, Next.QUARANTINE, blob.sha256)

    def _failure(self, failure: Failed, attempt: int) -> NoteFailure:
        self._hopeless = self._hopeless + 1 if failure.hopeless else 0
        given_up = self._hopeless >= GONE or self._world.now() >= self._deadline()
        if given_up:
            logger.critical("%s: an offer is given up: %s", self._key, failure.detail)
        else:
            logger.warning("%s: attempt %d at an offer failed: %s", self._key, attempt, failure.detail)
        next_ = Next.GIVE_UP if given_up else Next.RETRY
        return self._note(failure.source, failure.detail, attempt, next_)

    def _note(
        self, source: Source, detail: str, attempt: int, next_: Next, sha256: str | None = None
    ) -> NoteFailure:
        return NoteFailure(
            at=self._world.now(),
            source=source,
            detail=detail,
            attempt=attempt,
            next=next_,
            offer=self.offer.offer,
            sha256=sha256,
        )

    def _deadline(self) -> datetime:
        """When the url dies: it says so itself, in `expires` (unix time, the server's clock).

        Never sooner than it usually does: that clock may be behind ours.
        """
        usual = self._had_at + timedelta(seconds=self._world.patience.url)
        expires = parse_qs(urlsplit(self._url).query).get("expires", [""])[0]
        if expires.isdecimal() and len(expires) <= 11:
            said = datetime.fromtimestamp(int(expires), tz=self.offer.at.tzinfo)
            return max(usual, min(said, self._world.now() + LONGEST))
        return usual


def sidecar_of(key: str, offer: SaveOffered, stored: CommitOffer) -> Sidecar:
    said = {field.name: getattr(offer, field.name) for field in fields(offer) if field.name != "offer"}
    return Sidecar(key, TakeOffer(**said), stored)
