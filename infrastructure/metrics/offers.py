"""What became of the Document Server's offers, read off the facts that are recorded for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from application.changes import Change, FileChange
from domain import events
from domain.commands import Command, TakeOffer, TakeStored
from domain.document import Document
from domain.events import DocumentEvent
from domain.words import Next, Trigger

STORED, BESIDE, CONFLICT, REPEATED = "stored", "beside", "conflict", "repeated"
LOST = {Next.QUARANTINE: "quarantined", Next.GIVE_UP: "given_up"}
ENDS = (STORED, BESIDE, CONFLICT, REPEATED, *LOST.values())
OURS = frozenset({Trigger.UPLOAD, Trigger.RESTORE, Trigger.CONFLICT})
OFFERED = tuple(trigger for trigger in Trigger if trigger not in OURS)


@dataclass(frozen=True, slots=True)
class Outcome:
    trigger: str
    what: str
    lag: float | None = None  # seconds from the last change to stored


def outcomes(
    cause: Command, before: Document | None, facts: Sequence[DocumentEvent], others: Sequence[Change]
) -> Iterator[Outcome]:
    triggers = _triggers(before, facts)
    if before is not None and (repeated := _repeated(cause, facts)):
        yield Outcome(repeated, REPEATED)
    for fact in facts:
        match fact:
            case events.Forcesaved(trigger=trigger):
                yield Outcome(trigger, _place(fact, others), fact.lag)
            case events.Saved(offer=offer):  # also a recovered one, and what a failed assembly left
                yield Outcome(triggers.get(offer, Trigger.FINAL), _place(fact, others), fact.lag)
            case events.Errored(offer=str(offer), next=next_) if next_ in LOST and offer in triggers:
                yield Outcome(triggers[offer], LOST[next_])


def _triggers(before: Document | None, facts: Sequence[DocumentEvent]) -> Mapping[str, Trigger]:
    waiting = {id_: offer.fact.trigger for id_, offer in before.offers.items()} if before else {}
    return waiting | {fact.offer: fact.trigger for fact in facts if isinstance(fact, events.SaveOffered)}


def _repeated(cause: Command, facts: Sequence[DocumentEvent]) -> Trigger | None:
    """A callback that told us nothing new."""
    told = cause.offer if isinstance(cause, TakeStored) else cause
    if not isinstance(told, TakeOffer) or any(isinstance(fact, events.SaveOffered) for fact in facts):
        return None
    stored = any(isinstance(fact, events.Forcesaved | events.Saved) for fact in facts)
    return None if stored else told.trigger


def _place(fact: events.Forcesaved | events.Saved, others: Sequence[Change]) -> str:
    if fact.head:
        return STORED
    added = (other for change in others if isinstance(change, FileChange) for other in change.events)
    conflict = any(isinstance(a, events.VersionAdded) and a.trigger is Trigger.CONFLICT for a in added)
    return CONFLICT if conflict else BESIDE
