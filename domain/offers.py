"""Offers: bytes that the Document Server has for us, by what they are told apart, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from urllib.parse import urlsplit

from domain import events
from domain.erasure import without_person
from domain.words import Next

FINAL = frozenset({2, 3})  # the statuses after which nobody edits any more
AHEAD = timedelta(minutes=10)  # beyond which we do not believe the server's clock


@dataclass(frozen=True, slots=True)
class Offer:
    """Bytes the Document Server holds for us and we do not have yet."""

    fact: events.SaveOffered
    order: int  # the how many-th offer of the session

    @property
    def final(self) -> bool:
        return self.fact.status in FINAL

    @property
    def lastsave(self) -> datetime | None:
        """When the server had the last change in it, as far as we can believe that."""
        said = self.fact.lastsave
        return None if said is None or said > self.fact.at + AHEAD else said

    def without(self, user: str) -> Offer:
        return replace(self, fact=replace(self.fact, history=without_person(self.fact.history, user)))


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of an offer; `version` is None for one in quarantine or given up."""

    at: datetime
    version: int | None
    next: Next | None = None


def offer_id(status: int, url: str) -> str:
    """An offer's identity: status and url path, since a repeat signs md5 and expires anew."""
    return sha256(f"{status} {urlsplit(url).path}".encode()).hexdigest()[:16]


def failure_id(status: int, lastsave: datetime | None) -> str:
    """The identity of a status 3 or 7 that comes without bytes."""
    return sha256(f"{status} failed {lastsave}".encode()).hexdigest()[:16]
