"""An open document: what is true of it, and how each fact changes that. No judgement here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import reduce

from domain import events
from domain.events import DocumentEvent
from domain.file import EVERYBODY
from domain.offers import Offer, Settled
from domain.words import Mode, Next, Standing

EDITING, SAVING = "editing", "saving"  # states
NEVER = datetime.min.replace(tzinfo=UTC)

Rank = tuple[datetime, bool, datetime, int]
Admission = tuple[str, Mode, str]


@dataclass(frozen=True, slots=True)
class Document:
    file: str
    name: str
    filetype: str
    owner: str
    base: int
    head: int  # the version this session builds on: its base, then what it stored as the head
    opened_at: datetime
    standing: Standing = Standing.LIVE
    closed: events.Closed | None = None
    admissions: frozenset[Admission] = frozenset()
    admitted_at: datetime | None = None  # the last recorded admission to edit
    joined_at: datetime | None = None
    editing_since: datetime | None = None  # without a moment in which nobody edited
    saved_at: datetime | None = None  # the last time that bytes of it were stored
    names: Mapping[str, str] = field(default_factory=dict)  # user id -> name, of all ever admitted
    users: frozenset[str] = frozenset()  # who edits now
    sent_out: frozenset[str] = frozenset()  # and not let in since
    touched: bool = False  # somebody has edited since the last final save
    kept_there: bool = False  # the server has changes that only opening and leaving it again delivers
    offers: Mapping[str, Offer] = field(default_factory=dict)
    settled: Mapping[str, Settled] = field(default_factory=dict)
    offered: int = 0
    crown: Rank | None = None  # of the offer that made the session's head
    last_word: datetime | None = None  # when a final was offered that said nothing about its age
    versions: dict[str, int] = field(default_factory=dict)  # digest -> the number it was stored under
    trouble: events.Errored | None = None  # the last error that no save has made good

    @property
    def committed(self) -> bool:
        return bool(self.versions)

    @property
    def finishing(self) -> bool:
        """Everybody has left and the final bytes are not safe yet."""
        return not self.closed and not self.users and any(offer.final for offer in self.offers.values())

    @property
    def state(self) -> str:
        if self.offers:
            return SAVING
        if self.closed:
            return "closed"
        return EDITING if self.users else "open"

    def gave_up(self, offer: str) -> bool:
        return offer in self.settled and self.settled[offer].next is Next.GIVE_UP

    def rank(self, offer: Offer) -> Rank:
        """Finals beat forcesaves of the same second; among equals the one received later wins.

        Where `lastsave` is missing or far ahead of our clock, the order of arrival decides: one wrong
        moment of the server's clock must not keep all that is typed afterwards from the head.
        """
        lastsave, final = offer.lastsave, offer.final
        if lastsave is None and self.crown:
            lastsave, final = self.crown[0], final or self.crown[1]
        return (lastsave or NEVER, final, offer.fact.at, offer.order)

    def outranks(self, offer: Offer) -> bool:
        """Whether what the session has made the head is newer than this.

        A recovered file does not say when it was changed last, but all that was offered before it is older.
        """
        if self.last_word and offer.fact.at < self.last_word:
            return True
        return self.crown is not None and self.rank(offer) < self.crown


def evolve(document: Document | None, event: DocumentEvent) -> Document:
    if isinstance(event, events.Opened):
        return _opened(event)
    if document is None:
        raise ValueError(f"a document's history cannot begin with {type(event).__name__}")
    match event:
        case events.Admitted():
            return _admitted(document, event)
        case events.Joined(at=at, user=user):
            since = document.editing_since if document.users else at
            return replace(
                document, users=document.users | {user}, joined_at=at, editing_since=since, touched=True
            )
        case events.Left(user=user):
            return replace(document, users=document.users - {user})
        case events.SentOut(user=user):
            kept = frozenset(each for each in document.admissions if each[0] != user)
            return replace(document, admissions=kept, sent_out=document.sent_out | {user})
        case events.SaveOffered():
            return _offered(document, event)
        case events.Forcesaved() | events.Saved():
            return _stored(document, event)
        case events.Closed():
            return replace(
                document, closed=event, users=frozenset(), admissions=frozenset(), kept_there=False
            )
        case events.Reopened(standing=standing):
            return replace(document, closed=None, standing=standing)
        case events.Reloaded(version=version):
            return replace(document, head=version, crown=None, last_word=None)
        case events.Errored():
            return _errored(document, event)
        case events.Resumed():
            return replace(document, trouble=None)
        case events.Redacted(user=user):
            return _redacted(document, user)
        case events.Replied():
            return document


def replay(history: Iterable[DocumentEvent], document: Document | None = None) -> Document | None:
    return reduce(evolve, history, document)


def _opened(event: events.Opened) -> Document:
    return Document(
        file=event.file,
        name=event.name,
        filetype=event.filetype,
        owner=event.owner,
        base=event.base,
        head=event.base,
        opened_at=event.at,
    )


def _admitted(document: Document, event: events.Admitted) -> Document:
    admission = (event.user, event.mode, event.address)
    return replace(
        document,
        admissions=document.admissions | ({admission} if event.address else set()),
        admitted_at=event.at if event.mode.joins else document.admitted_at,
        names={**document.names, event.user: event.name},
        sent_out=document.sent_out - {event.user},
    )


def _offered(document: Document, event: events.SaveOffered) -> Document:
    offer = Offer(event, document.offered + 1)
    return replace(
        document,
        offers={**document.offers, event.offer: offer},
        offered=offer.order,
        users=document.users if _joined_since(document, event.at) or not offer.final else frozenset(),
    )


def _joined_since(document: Document, at: datetime) -> bool:
    """A final that is recorded late ends nothing for whoever came in after it."""
    return document.joined_at is not None and document.joined_at > at


def _stored(document: Document, event: events.Forcesaved | events.Saved) -> Document:
    offer = document.offers[event.offer]
    final = isinstance(event, events.Saved)
    return replace(
        _settle(document, event.offer, Settled(event.at, event.version)),
        head=event.version if event.head else document.head,
        crown=document.rank(offer) if event.head else document.crown,
        last_word=offer.fact.at if event.head and final and not offer.lastsave else document.last_word,
        versions=document.versions | _stored_as(event),
        touched=bool(document.users) if final else document.touched,
        kept_there=document.kept_there and offer.fact.keep,
        saved_at=event.at,
        trouble=None,
    )


def _stored_as(event: events.Forcesaved | events.Saved) -> dict[str, int]:
    versions = {event.sha256: event.version}
    if event.original_sha256 is not None and event.original is not None:
        versions[event.original_sha256] = event.original
    return versions


def _errored(document: Document, event: events.Errored) -> Document:
    kept_there = document.kept_there or event.next is Next.REOPEN
    troubled = replace(document, trouble=event, kept_there=kept_there)
    if event.offer is None or event.next is Next.RETRY:
        return troubled
    return _settle(troubled, event.offer, Settled(event.at, None, event.next))


def _settle(document: Document, offer: str, settled: Settled) -> Document:
    waiting = {id_: other for id_, other in document.offers.items() if id_ != offer}
    return replace(document, offers=waiting, settled={**document.settled, offer: settled})


def _redacted(document: Document, user: str) -> Document:
    """Whoever comes again from an address that was taken out is let in anew."""
    return replace(
        document,
        admissions=frozenset(a for a in document.admissions if user not in (a[0], EVERYBODY)),
        names={id_: "" if id_ == user else name for id_, name in document.names.items()},
        offers={id_: offer.without(user) for id_, offer in document.offers.items()},
    )
