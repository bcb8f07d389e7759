"""One WebSocket per editor page: what it tells, what it is told."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import trio
from starlette.websockets import WebSocket, WebSocketDisconnect

from . import copies
from .addresses import base_url
from .docx_scan import NotWord
from .openings import Refused, read_opening, session_token
from .outbox import FetchFailed
from .room import Room, Session
from .server import INBOX_SIZE, Standin

FIRST_WORD = 30.0
JOIN_LEAD = 0.05  # the status 1 goes out ahead of the request for the document
PARTING = 0.2
GOING_AWAY = 1001

DOWNLOAD_FAILED = {"type": "error", "code": -4, "text": "Download failed."}
NOT_A_DOCUMENT = {
    "type": "error",
    "code": -82,
    "text": "An error has occurred while opening the file. "
    "The file content does not match the file extension.",
}
FROM_BACKUP = {
    "type": "warning",
    "code": -104,
    "text": "This document was opened from a server backup copy and is not saved to storage.",
}


async def converse(websocket: WebSocket) -> None:
    standin: Standin = websocket.app.state.standin
    await websocket.accept()
    session = await _introduce(websocket, standin)
    if session is None:
        return
    outgoing, inbox = trio.open_memory_channel[dict[str, Any]](INBOX_SIZE)
    standin.inboxes[session.id] = outgoing
    room = standin.enter(session)
    if room is None:
        del standin.inboxes[session.id]
        await _dismiss(websocket, {"type": "outdated"})
        return
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_write, websocket, inbox)
            nursery.start_soon(_ping, standin, session)
            nursery.start_soon(_show, standin, room, session)
            await _read(websocket, standin, room, session)
            nursery.cancel_scope.cancel()
    finally:
        del standin.inboxes[session.id]
        standin.leave(room, session)


async def _introduce(websocket: WebSocket, standin: Standin) -> Session | None:
    """The session that the page's first message asks for, or None after saying why not."""
    config: Any = None
    with trio.move_on_after(FIRST_WORD):
        config = await _receive(websocket)
    if not isinstance(config, dict) or standin.stopping:
        await websocket.close(GOING_AWAY)
        return None
    number = next(standin.numbers)
    try:
        opening = read_opening(config, standin.config.signing_secret, f"uid-{number}")
    except Refused as refused:
        await _dismiss(websocket, {"type": "error", "code": refused.code, "text": refused.description})
        return None
    return Session(number, opening, base_url(websocket), opening.editing)


async def _show(standin: Standin, room: Room, session: Session) -> None:
    """Bring the page its document, or the reason why there is none."""
    await trio.sleep(JOIN_LEAD)
    try:
        content = await standin.load(room, session.opening.url)
    except FetchFailed:
        standin.tell(session, DOWNLOAD_FAILED)
        return
    except NotWord:
        standin.tell(session, NOT_A_DOCUMENT)
        return
    session.submitted = room.text
    standin.tell(
        session,
        {
            "type": "opened",
            "mode": "edit" if session.editing and session.opening.typing else "view",
            "rights": session.opening.rights if session.editing else "view",
            "filling": session.opening.filling,
            "text": room.text if session.opening.has_text else None,
            "number": session.tell(room.text),
            "epoch": room.epoch,
            "size": len(content),
            "token": session_token(session.opening, standin.config.signing_secret, standin.now()),
        },
    )
    standin.tell_users(room)
    if room.forgotten:
        standin.tell(session, FROM_BACKUP)


async def _read(websocket: WebSocket, standin: Standin, room: Room, session: Session) -> None:
    """Until the page goes or falls silent."""
    while True:
        message: Any = None
        with trio.move_on_after(standin.config.ping_interval + standin.config.ping_timeout):
            message = await _receive(websocket)
        if not isinstance(message, dict):
            return
        _heed(standin, room, session, message)


def _heed(standin: Standin, room: Room, session: Session, message: Mapping[str, Any]) -> None:
    match message:
        case {"type": "text", "text": str(text)}:
            ground = message.get("ground")
            # The page may send half a surrogate pair, which no file can hold.
            whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            standin.edit(room, session, whole, ground if isinstance(ground, int) else None)
        case {"type": "save"}:
            standin.press_save(room, session)
        case {"type": "save as"}:
            standin.start(copies.save_as, standin, room, session)
        case {"type": "submit", "data": list(fields)}:
            copies.submit(standin, room, session, fields)


async def _write(websocket: WebSocket, inbox: trio.MemoryReceiveChannel[dict[str, Any]]) -> None:
    try:
        async for message in inbox:
            await websocket.send_json(message)
        await websocket.close(GOING_AWAY)
    except (WebSocketDisconnect, RuntimeError):
        inbox.close()


async def _ping(standin: Standin, session: Session) -> None:
    while True:
        await trio.sleep(standin.config.ping_interval)
        standin.tell(session, {"type": "ping"})


async def _dismiss(websocket: WebSocket, message: Mapping[str, Any]) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):
        await websocket.send_json(message)
        await websocket.close()
    # If the page closes too, Hypercorn answers it; were we gone meanwhile, the process would end over that.
    await trio.sleep(PARTING)


async def _receive(websocket: WebSocket) -> object:
    """The next JSON message; None when the page is gone or talks nonsense."""
    try:
        return await websocket.receive_json()
    except (WebSocketDisconnect, ValueError, KeyError):
        return None
