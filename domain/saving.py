"""Where offered bytes go once they are stored: the head, a version beside it, or a conflict."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime

from domain import events
from domain.commands import CommitOffer, TakeStored
from domain.deciding import decide
from domain.document import Document, Offer, replay
from domain.events import DocumentEvent, FileEvent
from domain.failures import KEPT_THERE
from domain.file import File
from domain.words import CloseReason, Next, Source, Standing, Trigger


@dataclass(frozen=True, slots=True)
class Commit:
    """Facts for both streams, to be recorded together or not at all."""

    document: tuple[DocumentEvent, ...] = ()
    file: tuple[FileEvent, ...] = ()


def decide_save(
    key: str, document: Document, file: File, command: CommitOffer | TakeStored, thinned: Set[int]
) -> Commit:
    """`thinned` are numbers of versions that are gone and cannot stand for the same bytes come again."""
    if isinstance(command, CommitOffer):
        return commit(key, document, file, command, thinned)
    return take_stored(key, document, file, command, thinned)


def commit(
    key: str, document: Document, file: File, command: CommitOffer, thinned: Set[int] = frozenset()
) -> Commit:
    """The facts that follow from an offer's bytes being safe; none if it is settled already."""
    offer = document.offers.get(command.offer)
    if offer is None:
        return Commit()
    conflict = document.standing is Standing.DETACHED or file.head != document.head
    beside = _beside_the_head(offer, document)
    head = not (conflict or beside or document.outranks(offer))
    number = _known(document, file, command, head=head)
    if number in thinned:
        number = None
    added: tuple[FileEvent, ...] = ()
    if number is None:
        number = file.last + 1
        trigger = Trigger.CONFLICT if conflict and not beside else offer.fact.trigger
        added = (_version(key, offer, number, command, trigger=trigger, head=head),)
    saved = _saved(offer, number, command, head=head)
    return Commit((saved, *_ending(document, offer, command.at)), added)


def take_stored(
    key: str, document: Document, file: File, command: TakeStored, thinned: Set[int] = frozenset()
) -> Commit:
    """An offer and its commit in one; nothing where the offer's bytes are a version already."""
    facts = decide(document, command.offer)
    after = replay(facts, document)
    assert after is not None
    stored = CommitOffer(
        at=command.at,
        offer=command.offer.offer,
        sha256=command.sha256,
        size=command.size,
        changes_sha256=command.changes_sha256,
    )
    result = commit(key, after, file, stored, thinned)
    return Commit((*facts, *result.document), result.file)


def _beside_the_head(offer: Offer, document: Document) -> bool:
    """Forms, foreign types and what a failed save left are kept, but never become the head."""
    return offer.fact.trigger in (Trigger.FORM, Trigger.FAILED) or offer.fact.filetype != document.filetype


def _known(document: Document, file: File, stored: CommitOffer, *, head: bool) -> int | None:
    """The number of a version that has these bytes already, where it may stand for this save."""
    if head:
        return file.head if stored.sha256 == file.sha256 else None
    return document.versions.get(stored.sha256)


def _version(
    key: str, offer: Offer, number: int, stored: CommitOffer, *, trigger: Trigger, head: bool
) -> events.VersionAdded:
    fact = offer.fact
    return events.VersionAdded(
        at=stored.at,
        number=number,
        sha256=stored.sha256,
        size=stored.size,
        trigger=trigger,
        filetype=fact.filetype,
        head=head,
        users=fact.users,
        key=key,
        offer=fact.offer,
        origin=fact.trigger if trigger is Trigger.CONFLICT else None,
        changes_url=fact.changes_url,
        history=fact.history,
        changes_sha256=stored.changes_sha256,
    )


def _saved(offer: Offer, number: int, stored: CommitOffer, *, head: bool) -> DocumentEvent:
    fact = offer.fact
    at = stored.at
    lag = max(0.0, (at - (fact.lastsave or fact.at)).total_seconds())
    if offer.final:
        return events.Saved(
            at=at,
            offer=fact.offer,
            version=number,
            sha256=stored.sha256,
            size=stored.size,
            lag=lag,
            head=head,
        )
    return events.Forcesaved(
        at=at,
        offer=fact.offer,
        version=number,
        sha256=stored.sha256,
        size=stored.size,
        trigger=fact.trigger,
        lag=lag,
        head=head,
    )


def _ending(document: Document, offer: Offer, at: datetime) -> tuple[DocumentEvent, ...]:
    """A final ends the session, unless somebody came back; so does the last word of a spent key."""
    others = [other for other in document.offers.values() if other is not offer]
    if document.closed or document.users:
        return ()
    if any(other.final for other in others) and offer.fact.trigger is not Trigger.RECOVERED:
        return ()  # the server keeps a file as forgotten only when it has given up all others
    if offer.fact.status == 3:
        return _failed(at, keep=offer.fact.keep)
    if offer.final or (document.standing is not Standing.LIVE and not others):
        return (events.Closed(at=at, reason=CloseReason.SAVED),)
    return ()


def _failed(at: datetime, *, keep: bool) -> tuple[DocumentEvent, ...]:
    """What a failed assembly left is a version, but not what was edited."""
    detail = "The Document Server could not assemble the document; what it had is kept as a version."
    errored = events.Errored(
        at=at,
        source=Source.SERVER,
        detail=f"{detail} {KEPT_THERE}" if keep else detail,
        attempt=1,
        next=Next.REOPEN if keep else Next.CLOSE,
    )
    return (errored,) if keep else (errored, events.Closed(at=at, reason=CloseReason.LOST))
