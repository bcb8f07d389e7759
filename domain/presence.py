"""Who is there, and how a document ends when nobody is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from domain import commands, events
from domain.document import Document
from domain.events import DocumentEvent
from domain.words import CloseReason, Standing

UNORDERED = timedelta(seconds=10)  # so far apart, a status 4 and a status 1 may overtake each other

Facts = tuple[DocumentEvent, ...]


def note_presence(document: Document, command: commands.NotePresence) -> Facts:
    now = frozenset(command.users)
    again: Facts = ()
    if document.closed:
        if not now:
            return ()
        again = (reopened(document, command.at, command.users[0], command.live),)
    return (
        *again,
        *(events.Joined(at=command.at, user=user) for user in sorted(now - document.users)),
        *left(command.at, document.users - now),
    )


def close_unchanged(document: Document, command: commands.CloseUnchanged) -> Facts:
    if document.closed:
        return ()
    last = max(filter(None, (document.joined_at, document.admitted_at, command.admitted)), default=None)
    if last and _overtaken(last, command):
        return ()
    gone = left(command.at, document.users)
    if document.offers:
        return gone
    reason = CloseReason.SAVED if document.committed else CloseReason.UNCHANGED
    return (*gone, events.Closed(at=command.at, reason=reason))


def _overtaken(last: datetime, command: commands.CloseUnchanged) -> bool:
    """Whether somebody may have come in after the server said that all have left."""
    if command.confirmed:
        return last > command.confirmed
    return command.at - last < UNORDERED


def close_unknown(document: Document, command: commands.CloseUnknown) -> Facts:
    if document.closed or document.offers:
        return ()
    if document.touched:
        reason = CloseReason.LOST
    else:
        reason = CloseReason.SAVED if document.committed else CloseReason.ABANDONED
    return (*left(command.at, document.users), events.Closed(at=command.at, reason=reason))


def reopened(document: Document, at: datetime, user: str, live: str | None) -> events.Reopened:
    return events.Reopened(at=at, user=user, standing=_standing(document, live))


def _standing(document: Document, live: str | None) -> Standing:
    """How a closed key comes alive again, when `live` is the file's live key (never this one)."""
    if live is not None:
        return Standing.DETACHED
    lost = document.closed is not None and document.closed.reason is CloseReason.LOST
    return Standing.SPENT if document.committed or lost else Standing.LIVE


def left(at: datetime, users: Iterable[str]) -> Facts:
    return tuple(events.Left(at=at, user=user) for user in sorted(users))
