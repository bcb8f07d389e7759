"""Taking changes to the integrator: forcesaves (status 6, 7) and the final save (status 2, 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from . import callbacks
from .assembling import FORMS_DATA, Outcome, Work, assemble, links, output
from .changes import Author, Final
from .documents import FORMATS
from .results import path_of
from .room import Delivery, Forcesave, Phase, Room

if TYPE_CHECKING:
    from .server import Standin

WARNING_NOT_SAVED = {
    "type": "warning",
    "code": -331,
    "text": "An error occurred while saving the file. Please use the 'Download as' option to save the file "
    "to a drive or try again later.",
}


async def deliver(
    standin: Standin, room: Room, forcesave: Forcesave, base_url: str, repeated: bool = False
) -> None:
    """One attempt: a status 6 is never retried, but a refused one can be asked for again."""
    if not forcesave.directory or not standin.results.holds(forcesave.directory, output(room)):
        await _assemble_forcesave(standin, room, forcesave)
    failed = forcesave.delivery is Delivery.FAILED
    fields = callbacks.forcesaved(
        room, forcesave, links(standin, room, base_url, forcesave.directory), repeated=repeated
    )
    author = forcesave.presser.author if forcesave.presser and not repeated else forcesave.change.author
    url = room.callback_for(author)
    accepted = url is not None and (await standin.outbox.post(url, fields)).accepted and not failed
    if not failed:
        forcesave.delivery = Delivery.ENDED if accepted else Delivery.REFUSED
    if forcesave.presser and not repeated:
        standin.tell(forcesave.presser, {"type": "saved"} if accepted else WARNING_NOT_SAVED)


async def _assemble_forcesave(standin: Standin, room: Room, forcesave: Forcesave) -> None:
    await trio.sleep(standin.config.assembly_delay)
    text = forcesave.text if room.filetype in FORMATS else None  # a form that is no text
    work = Work(forcesave.document, text, forcesave.history)
    outcome, forcesave.directory = await assemble(standin, room, work, 6, 7)
    if forcesave.form is not None and forcesave.directory:
        form = forcesave.form.encode()
        standin.results.keep(forcesave.directory, FORMS_DATA, form, standin.now())
    forcesave.delivery = Delivery.OFFERING
    if outcome is not Outcome.WHOLE:
        forcesave.delivery = Delivery.FAILED
        room.unassembled = forcesave.change


async def close(standin: Standin, room: Room, leaver: Author, delay: float, closer: trio.CancelScope) -> None:
    """The end of a session; whoever comes back in time cancels it through `closer`."""
    with closer:
        await trio.sleep(delay)
        room.phase = Phase.ASSEMBLING
        await trio.sleep(standin.config.assembly_delay)
        document = standin.document(room)
        if document is None:
            standin.forget_room(room)  # a forgotten file that was deleted before anybody saw it
        else:
            room.final = await _assemble_final(standin, room, leaver, document)
            standin.rows.keep(room)
            await _offer(standin, room, room.final)
    _gone(standin, room, closer)


async def resume(standin: Standin, room: Room, final: Final, closer: trio.CancelScope) -> None:
    """The final callback that a crash cut off, sent again."""
    with closer:
        standin.document(room)
        await trio.sleep(standin.config.restart_pause)
        await _offer(standin, room, final)
    _gone(standin, room, closer)


def _gone(standin: Standin, room: Room, closer: trio.CancelScope) -> None:
    if standin.closers.get(room.key) is closer:
        del standin.closers[room.key]


async def _assemble_final(standin: Standin, room: Room, leaver: Author, document: bytes) -> Final:
    work = Work(document, room.text if room.change else None, room.history)
    outcome, directory = await assemble(standin, room, work, 2, 3)
    return Final(2 if outcome is Outcome.WHOLE else 3, leaver, directory)


async def _offer(standin: Standin, room: Room, final: Final) -> None:
    author = room.change.author if room.change else final.leaver
    url = room.callback_for(author)
    if url is None or await _accepted(standin, room, final, url, author.base_url):
        _settle(standin, room, final)
    elif final.directory:
        _forget(standin, room, final.directory)
    else:
        room.stand()
        standin.rows.keep(room)


async def _accepted(standin: Standin, room: Room, final: Final, url: str, base_url: str) -> bool:
    """The callback with its retries."""
    at = standin.now()
    for pause in (0.0, *standin.config.retry_pauses):
        if pause:
            room.phase = Phase.BACKING_OFF
            await trio.sleep(pause)
        room.phase = Phase.OFFERING
        fields = callbacks.final(room, final, links(standin, room, base_url, final.directory), at)
        reply = await standin.outbox.post(url, fields)
        if reply.accepted or not reply.retryable:
            return reply.accepted
    return False


def _settle(standin: Standin, room: Room, final: Final) -> None:
    if room.forgotten and final.directory:
        standin.forgotten.drop(room.key)
        standin.forget_room(room)
    else:
        room.spend(standin.now() + standin.config.outdated_window)
        standin.rows.drop_document(room.key)
        standin.rows.keep(room)


def _forget(standin: Standin, room: Room, directory: str) -> None:
    """Kept as forgotten before the row goes: a crash between the two must not lose it."""
    content = standin.results.read(path_of(directory, output(room))).content
    standin.forgotten.put(room.key, {"filetype": room.assembled_as}, content)
    standin.forget_room(room)
