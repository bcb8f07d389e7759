"""Taking changes to the integrator: forcesaves (status 6) and the final save (status 2)."""

from __future__ import annotations

from collections.abc import Mapping
from secrets import randbelow
from typing import TYPE_CHECKING

import trio

from . import callbacks
from .documents import write_text
from .room import Delivery, Forcesave, Phase, Room, Session

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
    if forcesave.directory is None:
        await trio.sleep(standin.config.assembly_delay)
        forcesave.content = await write_text(room.filetype, forcesave.document, forcesave.text)
        forcesave.directory = _directory(room.key)
    forcesave.delivery = Delivery.OFFERING
    archive = callbacks.changes_archive(forcesave.history, forcesave.text)
    files = {f"output.{room.filetype}": forcesave.content, "changes.zip": archive}
    links = _links(standin, base_url, forcesave.directory, files)
    fields = callbacks.forcesaved(room, forcesave, links, repeated=repeated)
    author = forcesave.change.author if repeated else forcesave.presser or forcesave.change.author
    url = room.callback_for(author)
    accepted = url is not None and (await standin.outbox.post(url, fields)).accepted
    forcesave.delivery = Delivery.ENDED if accepted else Delivery.REFUSED
    if forcesave.presser and not repeated:
        standin.tell(forcesave.presser, {"type": "saved"} if accepted else WARNING_NOT_SAVED)


async def close(
    standin: Standin, room: Room, leaver: Session, delay: float, closer: trio.CancelScope
) -> None:
    """The final save; whoever comes back in time cancels it through `closer`."""
    with closer:
        room.phase = Phase.WAITING
        await trio.sleep(delay)
        room.phase = Phase.ASSEMBLING
        await trio.sleep(standin.config.assembly_delay)
        await _finish(standin, room, leaver)
    if standin.closers.get(room.key) is closer:
        del standin.closers[room.key]


async def _finish(standin: Standin, room: Room, leaver: Session) -> None:
    author = room.change.author if room.change else leaver
    url = room.callback_for(author)
    content = room.document if room.document is not None else standin.forgotten_content(room.key)
    if content is None:
        standin.rooms.pop(room.key, None)  # a forgotten file that was deleted before anybody saw it
        return
    if room.change:
        content = await write_text(room.filetype, content, room.text)
    if url is None or await _offer(standin, room, url, content, leaver):
        _settle(standin, room)
    else:
        _forget(standin, room, content)


async def _offer(standin: Standin, room: Room, url: str, content: bytes, leaver: Session) -> bool:
    """The status 2 with its retries; whether it was accepted."""
    directory, at = _directory(room.key), standin.now()
    base_url = room.change.author.base_url if room.change else leaver.base_url
    archive = callbacks.changes_archive(room.history, room.text) if room.change else None
    for pause in (0.0, *standin.config.retry_pauses):
        if pause:
            room.phase = Phase.BACKING_OFF
            await trio.sleep(pause)
        room.phase = Phase.OFFERING
        links = _links(
            standin, base_url, directory, {f"output.{room.filetype}": content, "changes.zip": archive}
        )
        reply = await standin.outbox.post(url, callbacks.final(room, links, leaver.user_id, at))
        if reply.accepted or not reply.retryable:
            return reply.accepted
    return False


def _settle(standin: Standin, room: Room) -> None:
    if room.forgotten:
        standin.forgotten.pop(room.key, None)
        standin.rooms.pop(room.key, None)
    room.spend(trio.current_time() + standin.config.outdated_window)


def _forget(standin: Standin, room: Room, content: bytes) -> None:
    standin.keep_forgotten(room.key, room.filetype, content)
    standin.rooms.pop(room.key, None)
    room.spend(0)


def _directory(key: str) -> str:
    return f"data/{key}_{randbelow(10_000)}"


def _links(
    standin: Standin, base_url: str, directory: str, files: Mapping[str, bytes | None]
) -> callbacks.Fields:
    """`url` and, if there is one, `changesurl`, signed now."""
    names = dict(zip(files, ("url", "changesurl"), strict=True))
    return {
        names[name]: standin.results.offer(base_url, directory, name, content, standin.now())
        for name, content in files.items()
        if content is not None
    }
