"""Where offered bytes go once they are stored: the head, a version beside it, or a conflict."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace
from datetime import datetime

from domain import events
from domain.commands import CommitOffer, TakeStored
from domain.deciding import decide
from domain.document import Document, replay
from domain.events import DocumentEvent, FileEvent
from domain.failures import KEPT_THERE
from domain.file import File
from domain.offers import Offer
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
    beside = _beside_the_head(offer, document, command)
    head = not (conflict or beside or document.outranks(offer))
    added: tuple[FileEvent, ...] = ()
    original = document.versions.get(command.original_sha256) if command.original_sha256 else None
    if command.original_sha256 and (original is None or original in thinned):
        original = file.last + 1
        added = (_as_offered(key, offer, original, command),)
    number = _known(document, file, command, head=head)
    if number is None or number in thinned:
        number = file.last + len(added) + 1
        trigger = Trigger.CONFLICT if conflict and not beside else offer.fact.trigger
        made = _version(key, offer, number, command, trigger=trigger, head=head)
        added = (*added, _as_converted(made, document, original) if original else made)
    saved = _saved(offer, number, command, head=head, original=original)
    return Commit((saved, *_not_converted(command), *_ending(document, offer, command.at)), added)


def _as_offered(key: str, offer: Offer, number: int, command: CommitOffer) -> events.VersionAdded:
    """What was converted, kept beside the head."""
    assert command.original_sha256 is not None
    stored = CommitOffer(
        at=command.at, offer=command.offer, sha256=command.original_sha256, size=command.original_size
    )
    return _version(key, offer, number, stored, trigger=offer.fact.trigger, head=False)


def _as_converted(version: events.VersionAdded, document: Document, original: int) -> events.VersionAdded:
    return replace(
        version,
        filetype=document.filetype,
        converted_from=version.filetype,
        from_version=original,
    )


def _not_converted(command: CommitOffer) -> tuple[DocumentEvent, ...]:
    if not command.detail:
        return ()
    return (
        events.Errored(
            at=command.at, source=Source.CONVERSION, detail=command.detail, attempt=1, next=Next.GO_ON
        ),
    )


def take_stored(
    key: str, document: Document, file: File, command: TakeStored, thinned: Set[int] = frozenset()
) -> Commit:
    """An offer and its commit in one; nothing where the offer's bytes are a version already."""
    facts = decide(document, command.offer)
    after = replay(facts, document)
    assert after is not None
    result = commit(key, after, file, command.commit, thinned)
    return Commit((*facts, *result.document), result.file)


def _beside_the_head(offer: Offer, document: Document, command: CommitOffer) -> bool:
    """Forms, foreign types and what a failed save left are kept, but never become the head."""
    if offer.fact.trigger in (Trigger.FORM, Trigger.FAILED):
        return True
    return offer.fact.filetype != document.filetype and command.original_sha256 is None


def _known(document: Document, file: File, stored: CommitOffer, *, head: bool) -> int | None:
    """The number of a version that has these bytes already, where it may stand for this save."""
    if stored.forms_sha256 is not None:  # what two people sent is two submissions
        return None
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
        forms_sha256=stored.forms_sha256,
    )


def _saved(
    offer: Offer, number: int, stored: CommitOffer, *, head: bool, original: int | None
) -> DocumentEvent:
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
            original=original,
            original_sha256=stored.original_sha256,
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
        original=original,
        original_sha256=stored.original_sha256,
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
