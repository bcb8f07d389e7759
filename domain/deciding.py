"""What follows when an open document is asked something: facts, or none where nothing is new."""

from __future__ import annotations

from datetime import timedelta

from domain import commands, events
from domain.commands import Command
from domain.document import Document
from domain.failures import note_failure, note_orphaned, note_resumed, note_server_failure, replied
from domain.presence import Facts, close_unchanged, close_unknown, note_presence, reopened, send_out
from domain.words import CloseReason, Next, Standing, Trigger

REPEAT = timedelta(hours=24)  # for so long a settled offer is answered without a fetch


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
            return note_presence(document, command)
        case commands.SendOut():
            return send_out(document, command)
        case commands.TakeOffer():
            return _take_offer(document, command)
        case commands.CloseUnchanged():
            return close_unchanged(document, command)
        case commands.NoteServerFailure():
            return note_server_failure(document, command)
        case commands.NoteFailure():
            return note_failure(document, command)
        case commands.NoteResumed():
            return note_resumed(document, command)
        case commands.NoteReplied():
            return (replied(command),)
        case commands.CloseUnknown():
            return close_unknown(document, command)
        case commands.NoteOrphaned():
            return note_orphaned(document, command)
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
    again: Facts = ()
    if document.closed:
        if not _reusable(document, document.closed, command):
            return ()
        again = (events.Reopened(at=command.at, user=command.user, standing=Standing.LIVE),)
    elif document.standing is not Standing.LIVE or document.finishing:
        return ()
    elif _outdated(document, command):
        return (events.Closed(at=command.at, reason=CloseReason.SUPERSEDED),)
    elif (command.user, command.mode, command.address) in document.admissions and not command.afresh:
        return ()
    return (*again, _admitted(command))


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


def _take_offer(document: Document, command: commands.TakeOffer) -> Facts:
    if command.offer in document.offers or _is_known(document, command):
        return ()
    user = command.users[0] if command.users else ""
    again = (reopened(document, command.at, user, command.live),) if document.closed else ()
    return (*again, offered(command, document.filetype))


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
        forms_data_url=command.forms_data_url,
    )


def _is_known(document: Document, command: commands.TakeOffer) -> bool:
    if command.trigger is Trigger.RECOVERED:  # each forgotten file of a key has the same path
        return bool(document.users)  # who edits it again has it in front of them
    before = document.settled.get(command.offer)
    return before is not None and before.next is not Next.GIVE_UP and command.at - before.at < REPEAT
