"""Who has seen everything: what was typed, offered, answered, asked and recorded, and when."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from typing import Any
from urllib.parse import parse_qs, urlsplit

import trio

from domain import events
from domain.events import Event
from domain.words import CloseReason
from tests.contract.word import words

UNORDERED = 9.5  # seconds
MARK = re.compile(r"\[\d+\]")


def marks_in(content: bytes | str) -> list[str]:
    if isinstance(content, bytes):
        content = words(content) if content.startswith(b"PK") else content.decode()
    return MARK.findall(content)


@dataclass
class Offered:
    """Bytes that the Document Server has offered, and what it was told about them."""

    key: str
    status: int
    path: str
    content: bytes
    at: float
    expires: float  # by our clock's count
    accepted: float | None = None


@dataclass
class Witness:
    notes: list[tuple[float, str, object]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)  # what must never be, seen on the way
    typed_: dict[str, tuple[str, float]] = field(default_factory=dict)  # mark -> key, when
    offers: dict[tuple[str, str], Offered] = field(default_factory=dict)
    spoils: dict[tuple[str, str], int] = field(default_factory=dict)  # (url path, how) -> times
    lost: dict[str, str] = field(default_factory=dict)  # mark -> how the server lost it
    ended: set[str] = field(default_factory=set)  # keys that were closed after a change was committed
    committed: set[str] = field(default_factory=set)  # keys
    versions: dict[str, int] = field(default_factory=dict)  # sha256 -> number
    joined: dict[str, float] = field(default_factory=dict)  # key -> when a status 1 with users was accepted
    emptied: dict[str, float] = field(default_factory=dict)  # key -> when a status 4 was sent
    editors: Callable[[str], list[str]] = lambda _: []  # at the Document Server, now
    last_fact: str = ""  # the key whose final save was recorded just now
    _marks: int = 0

    @property
    def lines(self) -> list[str]:
        return [f"{at:.3f} {what} {detail}".rstrip() for at, what, detail in self.notes]

    def log(self, what: str, detail: object = "") -> None:
        self.notes.append((trio.current_time(), what, detail))

    def wrong(self, what: str) -> None:
        self.faults.append(f"{trio.current_time():.3f} {what}")

    def new_mark(self) -> str:
        self._marks += 1
        return f"[{self._marks}]"

    def typed(self, mark: str, key: str) -> None:
        self.typed_[mark] = key, trio.current_time()
        self.log(f"typed {mark} in {key}")

    def handed_out(self, file: str, key: str, ended_before: frozenset[str]) -> None:
        self.log(f"handed out {key} for {file}")
        if key in ended_before:
            self.wrong(f"{key} was handed out although its change had been committed")

    def ended_keys(self) -> frozenset[str]:
        return frozenset(self.ended)

    def called(self, claims: Mapping[str, Any], content: bytes | None, epoch: float) -> None:
        key, status = claims["key"], claims["status"]
        if status == 4:
            self.emptied[key] = trio.current_time()
        self.log(f"callback {status} of {key} {claims.get('users')} {marks_in(content or b'')}")
        if content is None:
            return
        url = urlsplit(claims["url"])
        expires = int(parse_qs(url.query)["expires"][0]) - epoch
        known = self.offers.get((key, url.path))
        if known is None:
            self.offers[key, url.path] = Offered(key, status, url.path, content, trio.current_time(), expires)
        else:
            known.expires = expires

    def accepted(self, claims: Mapping[str, Any]) -> None:
        self.offers[claims["key"], urlsplit(claims["url"]).path].accepted = trio.current_time()

    def spoiled(self, url: str, how: str) -> None:
        place = (urlsplit(url).path, how)
        self.spoils[place] = self.spoils.get(place, 0) + 1

    def destroyed(self, text: str, how: str) -> None:
        """The Document Server has let go of it, as it was told to."""
        self.lost.update((mark, how) for mark in marks_in(text))

    def _closed(self, key: str, event: events.Closed) -> None:
        """A status 4 and a status 1 may overtake each other, but not by ten seconds."""
        now = trio.current_time()
        emptied = self.emptied.get(key, -inf)
        overtaken = emptied <= self.joined.get(key, -inf) and now - emptied < UNORDERED
        by_word = event.reason in (CloseReason.UNCHANGED, CloseReason.SAVED) and self.last_fact != key
        if by_word and overtaken and self.editors(key):
            self.wrong(f"{key} was closed while {self.editors(key)} edit it")

    def recorded(self, stream: str, event: Event) -> None:
        self.log(stream, event)
        if isinstance(event, events.VersionAdded):
            self.versions[event.sha256] = event.number
        if isinstance(event, events.Closed):
            key = stream.removeprefix("document/")
            if key in self.committed:
                self.ended.add(key)
            self._closed(key, event)
        if isinstance(event, events.Saved | events.Forcesaved):
            self.committed.add(stream.removeprefix("document/"))
        self.last_fact = stream.removeprefix("document/") if isinstance(event, events.Saved) else ""


@dataclass(eq=False)
class Asking:
    """How often one node asks the server for what is being typed."""

    witness: Witness
    number: int
    running: dict[str, float] = field(default_factory=dict)  # forcesave commands under way
    asked: dict[str, float] = field(default_factory=dict)  # key -> the last forcesave command of this life
    first: dict[str, float] = field(default_factory=dict)  # and the first
    exempt: int = 0  # who may ask for a forcesave at any time just now

    def log(self, what: str) -> None:
        self.witness.log(f"node {self.number}: {what}" if self.number else what)

    def commanded(self, key: str, woke: float) -> None:
        """`woke`: when the node was paused last; what was due meanwhile came late."""
        now = trio.current_time()
        if key in self.running:
            self.witness.wrong(f"two forcesave commands at once for {key}")
        # What a start owed may be late, or whoever had the document's shard; the next is on time.
        owed = self.number or self.asked.get(key) == self.first.get(key)
        apart = 9.99 if owed else 29.99
        if now - self.asked.get(key, -100) < apart and now - woke > 30:
            before = now - self.asked[key]
            self.witness.wrong(f"auto-save asked for {key} {before:.2f} s after the last time")
        self.running[key] = self.asked[key] = now
        self.first.setdefault(key, now)

    def answered(self, key: str) -> None:
        self.running.pop(key, None)

    @contextmanager
    def exempted(self) -> Iterator[None]:
        """While somebody else than the auto-save may ask for what is being typed."""
        self.exempt += 1
        try:
            yield
        finally:
            self.exempt = max(0, self.exempt - 1)  # a new life has begun at 0

    def born(self) -> None:
        self.log("docledger is up")
        self.asked.clear()
        self.first.clear()
        self.running.clear()
        self.exempt = 0
