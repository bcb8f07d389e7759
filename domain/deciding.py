"""What follows when an open document is asked something: facts, or none where nothing is new."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from domain import commands, events
from domain.commands import Command
from domain.document import Document, failure_id, reopened_standing
from domain.events import DocumentEvent
from domain.words import CloseReason, Next, Source, Standing, Trigger

REPEAT = timedelta(hours=24)  # for so long a settled offer is answered without a fetch
UNORDERED = timedelta(seconds=10)  # so far apart, a status 4 and a status 1 may overtake each other

SURELY = timedelta(seconds=60)  # so long apart the server says twice that it has changes nobody edits

WHEN = {3: "after everybody had left", 7: "for a forcesave"}
KEPT_THERE = (
    "The changes are still at the Document Server: open the document again and leave it, and they are saved."
)
STRANDED = "They are still at the Document Server, but under a used-up key: only a page left open has them."

Facts = tuple[DocumentEvent, ...]


def decide(document: Document | None, command: Command) -> Facts:
    """The facts that follow; a repeated command states nothing new."""
    if document is None:
        return _open(command) if isinstance(command, commands.Open) else ()
    match command:
        case commands.Open():
            return ()
        case commands.Admit():
            return _admit(document, command)
        case commands.NoteLoaded(at=at, version=version):
            return () if version == document.head else (events.Reloaded(at=at, version=version),)
        case commands.NotePresence():
            return _note_presence(document, command)
        case commands.TakeOffer():
            return _take_offer(document, command)
        case commands.CloseUnchanged():
            return _close_unchanged(document, command)
        case commands.NoteServerFailure():
            return _note_server_failure(document, command)
        case commands.NoteFailure():
            return _note_failure(document, command)
        case commands.NoteResumed():
            commanded = document.trouble and document.trouble.source is Source.COMMAND
            over = commanded and not document.offers  # a waiting save has troubles of its own
            return (events.Resumed(at=command.at),) if over else ()
        case commands.CloseUnknown():
            return _close_unknown(document, command)
        case commands.NoteOrphaned():
            return _note_orphaned(document, command)
        case commands.CommitOffer() | commands.TakeStored():
            raise TypeError("a commit concerns the file too: domain.saving decides it")


def _open(command: commands.Open) -> Facts:
    opened = events.Opened(
        at=command.first.at,
        file=command.file,
        name=command.name,
        filetype=command.filetype,
        owner=command.owner,
        base=command.first.head,
    )
    return (opened, _admitted(command.first))


def _admit(document: Document, command: commands.Admit) -> Facts:
    reopened: Facts = ()
    if document.closed:
        if not _reusable(document, document.closed, command):
            return ()
        reopened = (events.Reopened(at=command.at, user=command.user, standing=Standing.LIVE),)
    elif document.standing is not Standing.LIVE or document.finishing:
        return ()
    elif _outdated(document, command):
        return (events.Closed(at=command.at, reason=CloseReason.SUPERSEDED),)
    elif (command.user, command.mode, command.address) in document.admissions:
        return ()
    return (*reopened, _admitted(command))


def _outdated(document: Document, command: commands.Admit) -> bool:
    """Nobody needs this key any more, and the file has moved on.

    While nobody knows how an editing session ended, the server may have changes under its key. A head
    behind the session's own was read before its last save, and says nothing.
    """
    needed = document.touched or document.users or document.offers or document.kept_there
    return not needed and command.head > document.head


def _admitted(command: commands.Admit) -> events.Admitted:
    return events.Admitted(
        at=command.at, user=command.user, name=command.name, mode=command.mode, address=command.address
    )


def _reusable(document: Document, closed: events.Closed, command: commands.Admit) -> bool:
    """Nothing was changed under it, so the server's cache for it is still the file."""
    return (
        closed.reason is CloseReason.UNCHANGED
        and not document.committed
        and document.head == command.head
        and command.at - closed.at < timedelta(seconds=command.reuse)
    )


def _note_presence(document: Document, command: commands.NotePresence) -> Facts:
    now = frozenset(command.users)
    reopened: Facts = ()
    if document.closed:
        if not now:
            return ()
        reopened = (_reopened(document, command.at, command.users[0], command.live),)
    return (
        *reopened,
        *(events.Joined(at=command.at, user=user) for user in sorted(now - document.users)),
        *_left(command.at, document.users - now),
    )


def _take_offer(document: Document, command: commands.TakeOffer) -> Facts:
    if command.offer in document.offers or _is_known(document, command):
        return ()
    user = command.users[0] if command.users else ""
    reopened = (_reopened(document, command.at, user, command.live),) if document.closed else ()
    return (*reopened, offered(command, document.filetype))


def offered(command: commands.TakeOffer, filetype: str) -> events.SaveOffered:
    """`filetype` is the document's own, for a server that does not say."""
    return events.SaveOffered(
        at=command.at,
        offer=command.offer,
        url=command.url,
        status=command.status,
        trigger=command.trigger,
        filetype=command.filetype or filetype,
        users=command.users,
        changes_url=command.changes_url,
        history=command.history,
        lastsave=command.lastsave,
        notmodified=command.notmodified,
        keep=command.keep,
    )


def _is_known(document: Document, command: commands.TakeOffer) -> bool:
    if command.trigger is Trigger.RECOVERED:  # each forgotten file of a key has the same path
        return bool(document.users)  # who edits it again has it in front of them
    before = document.settled.get(command.offer)
    return before is not None and before.next is not Next.GIVE_UP and command.at - before.at < REPEAT


def _close_unchanged(document: Document, command: commands.CloseUnchanged) -> Facts:
    if document.closed:
        return ()
    last = max(filter(None, (document.joined_at, document.admitted_at, command.admitted)), default=None)
    if last and _overtaken(last, command):
        return ()
    left = _left(command.at, document.users)
    if document.offers:
        return left
    reason = CloseReason.SAVED if document.committed else CloseReason.UNCHANGED
    return (*left, events.Closed(at=command.at, reason=reason))


def _overtaken(last: datetime, command: commands.CloseUnchanged) -> bool:
    """Whether somebody may have come in after the server said that all have left."""
    if command.confirmed:
        return last > command.confirmed
    return command.at - last < UNORDERED


def _note_server_failure(document: Document, command: commands.NoteServerFailure) -> Facts:
    failure = failure_id(command.status, command.lastsave)
    if failure in document.settled:
        return ()
    ended = command.status == 3 and not document.closed
    next_ = (Next.REOPEN if command.keep else Next.CLOSE) if ended else Next.GO_ON
    errored = events.Errored(
        at=command.at,
        source=Source.SERVER,
        detail=f"The Document Server could not assemble the document {WHEN[command.status]}."
        + (f" {KEPT_THERE}" if next_ is Next.REOPEN else ""),
        attempt=1,
        next=next_,
        offer=failure,
    )
    if next_ is Next.CLOSE:
        return (errored, events.Closed(at=command.at, reason=CloseReason.LOST))
    return (errored, *(_left(command.at, document.users) if ended else ()))


def _note_orphaned(document: Document, command: commands.NoteOrphaned) -> Facts:
    last = max(filter(None, (document.joined_at, document.admitted_at, command.admitted)), default=None)
    somebody = document.users or (last and last > command.since)
    if document.closed or document.offers or document.kept_there or somebody:
        return ()
    if command.at - command.since < SURELY:
        return ()
    where = KEPT_THERE if document.standing is Standing.LIVE else STRANDED
    detail = f"Nobody edits the document any more, and its last changes never came. {where}"
    errored = events.Errored(at=command.at, source=Source.SERVER, detail=detail, attempt=1, next=Next.REOPEN)
    return (errored,)


def _note_failure(document: Document, command: commands.NoteFailure) -> Facts:
    if command.offer is not None and command.offer not in document.offers:
        return ()
    errored = events.Errored(
        at=command.at,
        source=command.source,
        detail=command.detail,
        attempt=command.attempt,
        next=command.next,
        offer=command.offer,
        sha256=command.sha256,
    )
    given_up = command.next in (Next.GIVE_UP, Next.QUARANTINE)
    finals = [id_ for id_, offer in document.offers.items() if offer.final]
    if given_up and finals == [command.offer] and not document.users and not document.closed:
        return (errored, events.Closed(at=command.at, reason=CloseReason.LOST))
    return (errored,)


def _close_unknown(document: Document, command: commands.CloseUnknown) -> Facts:
    if document.closed or document.offers:
        return ()
    if document.touched:
        reason = CloseReason.LOST
    else:
        reason = CloseReason.SAVED if document.committed else CloseReason.ABANDONED
    return (*_left(command.at, document.users), events.Closed(at=command.at, reason=reason))


def _reopened(document: Document, at: datetime, user: str, live: str | None) -> events.Reopened:
    return events.Reopened(at=at, user=user, standing=reopened_standing(document, live))


def _left(at: datetime, users: Iterable[str]) -> Facts:
    return tuple(events.Left(at=at, user=user) for user in sorted(users))
