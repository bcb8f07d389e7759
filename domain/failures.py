"""What goes wrong: at the server, on a save's way to us, with what we ask for."""

from __future__ import annotations

from datetime import timedelta

from domain import commands, events
from domain.document import Document
from domain.offers import failure_id
from domain.presence import Facts, left
from domain.words import CloseReason, Next, Source, Standing

SURELY = timedelta(seconds=60)  # so long apart the server says twice that it has changes nobody edits
WHEN = {3: "after everybody had left", 7: "for a forcesave"}
KEPT_THERE = (
    "The changes are still at the Document Server: open the document again and leave it, and they are saved."
)
STRANDED = "They are still at the Document Server, but under a used-up key: only a page left open has them."


def note_server_failure(document: Document, command: commands.NoteServerFailure) -> Facts:
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
    return (errored, *(left(command.at, document.users) if ended else ()))


def note_orphaned(document: Document, command: commands.NoteOrphaned) -> Facts:
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


def note_failure(document: Document, command: commands.NoteFailure) -> Facts:
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


def note_resumed(document: Document, command: commands.NoteResumed) -> Facts:
    commanded = document.trouble and document.trouble.source is Source.COMMAND
    over = commanded and not document.offers  # a waiting save has troubles of its own
    return (events.Resumed(at=command.at),) if over else ()


def replied(command: commands.NoteReplied) -> events.Replied:
    return events.Replied(
        at=command.at,
        status=command.status,
        http=command.http,
        error=command.error,
        seconds=command.seconds,
        offer=command.offer,
    )
