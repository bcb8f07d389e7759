"""Others are told what is in the log: each receiver in order, at least once, whatever fails when.

A receiver is a place in the log, stored once it has taken what stands there. Whoever does not answer holds
up nobody else, is tried for ever, and is told everything when it is back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit

import trio

from application.announcing import TELLING, Message, kind_of, message_of, users_of
from application.journal import Journal, JournalFailed, Recorded
from application.leafing import leaf

logger = logging.getLogger(__name__)

PAGE = 100  # facts read at once
FRESH = 5.0  # seconds that these are good for
AGAIN = 1.0  # seconds until the journal is asked again after it failed
STORE = 1.0  # seconds between two writes of a place, while there is more to tell: so much may be repeated
FAR = 1000  # positions without anything to tell, until that is worth a write
FIRST, LONGEST = 1.0, 300.0  # seconds between two attempts: doubled each time
SORRY = 3600.0  # seconds that a receiver may ask us to wait at most
HOUR, DAY = 3600.0, 86400.0


@dataclass(frozen=True, slots=True)
class Place:
    """How far a receiver has come, and since when and why it comes no further."""

    position: int
    failing_since: datetime | None = None
    attempts: int = 0  # at the next one, in vain
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Lag:
    """As plain numbers, for whoever watches."""

    receiver: str  # its origin alone: what follows in a url is often a secret
    events: int  # of the log beyond the receiver's place
    seconds: float  # since what it should be told next has happened
    attempts: int
    trouble: str


class Undelivered(Exception):
    """The receiver did not take it; why, and how many seconds it asks us to wait."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class Places(Protocol):
    """Every method raises JournalFailed when the store fails."""

    async def welcome(self, urls: Collection[str]) -> None:
        """Those that are new begin at the end of the log as it is now."""
        ...

    async def begin(self, urls: Collection[str]) -> Mapping[str, Place]:
        """The place of each, once those that are new are welcome. All others are forgotten."""
        ...

    async def put(self, url: str, place: Place) -> None: ...


class Post(Protocol):
    async def __call__(self, url: str, message: Message) -> None:
        """Raises Undelivered, and has a deadline of its own."""
        ...


@dataclass(frozen=True, slots=True)
class Means:
    journal: Journal
    places: Places
    post: Post
    now: Callable[[], datetime]
    jitter: Callable[[], float]  # from 0 to 1


class Webhooks:
    def __init__(self, means: Means, urls: Collection[str]) -> None:
        self._means = means
        self._urls = urls
        self._receivers: Sequence[Receiver] = ()

    async def welcome(self) -> None:
        """Before anything is recorded that receivers are to be told, whoever tells them and when."""
        if not self._urls:
            return
        try:
            await self._means.places.welcome(self._urls)
        except JournalFailed as trouble:
            logger.error("receivers that are new begin only when they can be told: %s", trouble)

    async def run(self) -> None:
        """For ever, if there is anybody to tell."""
        places = await self._begin()
        names = _names(places)
        self._receivers = [Receiver(self._means, url, names[url], place) for url, place in places.items()]
        try:
            async with trio.open_nursery() as nursery:
                for receiver in self._receivers:
                    nursery.start_soon(receiver.run)
        finally:
            self._receivers = ()  # whoever tells them next begins where they are by then

    async def lags(self) -> Sequence[Lag]:
        """Raises JournalFailed."""
        end = await self._means.journal.position()
        return [receiver.lag(end) for receiver in self._receivers]

    async def _begin(self) -> Mapping[str, Place]:
        while True:
            try:
                return await self._means.places.begin(self._urls)
            except JournalFailed as trouble:
                logger.error("nobody can be told of anything yet: %s", trouble)
                await trio.sleep(AGAIN)


class Receiver:
    def __init__(self, means: Means, url: str, name: str, place: Place) -> None:
        self._means = means
        self._url = url
        self._name = name
        self._place = place
        self._stored_position, self._stored_at = place.position, trio.current_time()
        self._unstored = False  # something was taken since
        self._next: datetime | None = None  # when what it is to be told next happened
        self._alarm = 0.0  # seconds of failing after which we speak up (again)

    def lag(self, end: int) -> Lag:
        place = self._place
        since = (self._means.now() - self._next).total_seconds() if self._next else 0.0
        return Lag(self._name, end - place.position, max(since, 0.0), place.attempts, place.trouble)

    async def run(self) -> None:
        """For ever. Whatever goes wrong here must not cost anybody a save."""
        while True:
            try:
                await self._follow(await self._means.journal.grown(self._place.position))
            except JournalFailed as trouble:
                logger.warning("%s: the log cannot be told: %s", self._name, trouble)
                await trio.sleep(AGAIN)
            except Exception:
                logger.exception("%s: telling failed; it goes on from %s", self._name, self._place)
                await trio.sleep(LONGEST)

    async def _follow(self, upto: int) -> None:
        while self._place.position < upto:
            facts, position = await leaf(self._means.journal, TELLING, self._place.position, upto, PAGE)
            read_at = trio.current_time()
            for fact in facts:  # read anew after a while: names may have been taken out of it
                if trio.current_time() - read_at > FRESH or not await self._tell(fact):
                    return
            self._place = replace(self._place, position=position)
        if self._unstored or self._place.position - self._stored_position >= FAR:
            await self._store()

    async def _tell(self, recorded: Recorded) -> bool:
        kind = kind_of(recorded.event)
        if kind is None:
            return True
        self._next = recorded.event.at
        message = await self._message(recorded, kind)
        try:
            await self._means.post(self._url, message)
        except Undelivered as refusal:
            await self._failed(recorded, refusal)
            return False
        await self._delivered(recorded)
        return True

    async def _message(self, recorded: Recorded, kind: str) -> Message:
        journal, users = self._means.journal, users_of(recorded.event)
        names = await journal.names(users) if users else {}
        row = await journal.file(recorded.file) if recorded.file else None
        return message_of(recorded, kind, row.file.name if row else "", names)

    async def _delivered(self, recorded: Recorded) -> None:
        if self._place.attempts:
            logger.info("%s: takes what it is told again", self._name)
        self._alarm, self._next = 0.0, None
        self._place, self._unstored = Place(recorded.position), True
        if trio.current_time() - self._stored_at >= STORE:
            await self._store()

    async def _failed(self, recorded: Recorded, refusal: Undelivered) -> None:
        since = self._place.failing_since or self._means.now()
        attempts = self._place.attempts + 1
        before = max(self._place.position, recorded.position - 1)  # what was passed over needs no other look
        self._place = Place(before, since, attempts, str(refusal))
        self._speak_up(recorded, (self._means.now() - since).total_seconds())
        await self._store()
        pause = min(FIRST * 2 ** min(attempts - 1, 30), LONGEST) * (0.5 + 0.5 * self._means.jitter())
        await trio.sleep(max(pause, min(refusal.wait, SORRY)))

    def _speak_up(self, recorded: Recorded, failing: float) -> None:
        """At once, after an hour, and then daily."""
        if failing < self._alarm:
            return
        level = logging.ERROR if self._alarm else logging.WARNING
        self._alarm = failing + DAY if self._alarm else HOUR
        told = "%s: has not been told of position %d for %.0f s (%s); it is tried on, and nothing is skipped"
        logger.log(level, told, self._name, recorded.position, failing, self._place.trouble)

    async def _store(self) -> None:
        await self._means.places.put(self._url, self._place)
        self._stored_position, self._stored_at = self._place.position, trio.current_time()
        self._unstored = False


def _names(urls: Collection[str]) -> Mapping[str, str]:
    """Origins, numbered where several have the same."""
    names: dict[str, str] = {}
    for url in urls:
        place = urlsplit(url)
        origin = f"{place.scheme}://{place.netloc}"
        same = sum(name.partition(" ")[0] == origin for name in names.values())
        names[url] = f"{origin} ({same + 1})" if same else origin
    return names
