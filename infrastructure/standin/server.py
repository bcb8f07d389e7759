"""The stand-in itself: its rooms, and the errands that follow from who comes, types and goes."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx
import trio

from . import callbacks, saving
from .config import StandinConfig
from .documents import FORMATS, read_text
from .outbox import Outbox
from .results import Results
from .room import Departure, Phase, Room, Session, Trigger

INBOX_SIZE = 1000
WARNING_UNSAVED = {
    "type": "warning",
    "code": -101,
    "text": "The document could not be saved. "
    "Please check connection settings or contact your administrator.",
}


@dataclass(frozen=True, slots=True)
class Forgotten:
    filetype: str
    content: bytes


@dataclass(eq=False, slots=True)
class Standin:
    config: StandinConfig
    outbox: Outbox
    results: Results
    nursery: trio.Nursery
    now: Callable[[], float] = time.time
    rooms: dict[str, Room] = field(default_factory=dict)
    forgotten: dict[str, Forgotten] = field(default_factory=dict)
    inboxes: dict[int, trio.MemorySendChannel[dict[str, Any]]] = field(default_factory=dict)
    closers: dict[str, trio.CancelScope] = field(default_factory=dict)
    loading: dict[str, trio.Lock] = field(default_factory=dict)
    numbers: count[int] = field(default_factory=lambda: count(1))
    errands: int = 0
    idle: trio.Event = field(default_factory=trio.Event)
    stopping: bool = False
    quiet_since: float = field(default_factory=trio.current_time)

    @classmethod
    def create(cls, config: StandinConfig, client: httpx.AsyncClient, nursery: trio.Nursery) -> Standin:
        return cls(config, Outbox(config, client, time.time), Results(config.url_lifetime), nursery)

    def start(self, errand: Callable[..., Awaitable[object]], *arguments: object) -> None:
        if not self.errands:
            self.idle = trio.Event()
        self.errands += 1
        self.nursery.start_soon(self._run, errand, arguments)

    async def _run(self, errand: Callable[..., Awaitable[object]], arguments: tuple[object, ...]) -> None:
        try:
            await errand(*arguments)
        finally:
            self.errands -= 1
            if not self.errands:
                self.idle.set()

    def tell(self, session: Session, message: dict[str, Any]) -> None:
        if inbox := self.inboxes.get(session.id):
            try:
                inbox.send_nowait(message)
            except (trio.WouldBlock, trio.BrokenResourceError, trio.ClosedResourceError):
                inbox.close()  # too slow or gone; the page will come back

    def broadcast(self, room: Room, message: dict[str, Any]) -> None:
        for session in list(room.sessions.values()):
            self.tell(session, message)

    def tell_users(self, room: Room) -> None:
        users = {session.user_id: session.opening.user_name for session in room.editors}
        message = {"type": "users", "users": [{"id": id_, "name": name} for id_, name in users.items()]}
        self.broadcast(room, message)

    def enter(self, session: Session) -> Room | None:
        """The room of the session's key, entered; None if the key's version has changed."""
        key, now = session.opening.key, trio.current_time()
        self._clear_out(now)
        room = self.rooms.get(key)
        if room is not None and not room.admits(now):
            return None
        if room is None or room.phase is Phase.SPENT:
            room = self.rooms[key] = Room(key, session.opening.filetype)
            room.forgotten = key in self.forgotten
        if closer := self.closers.pop(key, None):
            closer.cancel()
        room.enter(session)
        room.touched = now
        if session.editing and session.opening.callback_url:
            joined = callbacks.action(callbacks.JOINED, session.user_id)
            self.start(self.notify, room, session.opening.callback_url, callbacks.editing(room, joined))
        self.tell_users(room)
        return room

    def leave(self, room: Room, session: Session) -> None:
        self.quiet_since = room.touched = trio.current_time()
        self.part(room, session, room.leave(session), self.config.save_delay)

    def part(self, room: Room, session: Session, departure: Departure, delay: float) -> None:
        """What follows when an editing session is no more."""
        if self.stopping and delay:
            return  # the drain has seen to everybody
        left = callbacks.action(callbacks.LEFT, session.user_id)
        url = session.opening.callback_url
        match departure:
            case Departure.OTHERS_STAY if url:
                self.start(self.notify, room, url, callbacks.editing(room, left))
            case Departure.UNCHANGED if url:
                self.start(self.notify, room, url, callbacks.unchanged(room, left))
            case Departure.TO_SAVE:
                self.close(room, session, delay)
        self.tell_users(room)

    def close(self, room: Room, leaver: Session, delay: float) -> None:
        closer = self.closers[room.key] = trio.CancelScope()
        self.start(saving.close, self, room, leaver, delay, closer)

    def forgotten_content(self, key: str) -> bytes | None:
        kept = self.forgotten.get(key)
        return kept.content if kept else None

    def keep_forgotten(self, key: str, filetype: str, content: bytes) -> None:
        self.forgotten[key] = Forgotten(filetype, content)

    async def notify(self, room: Room, url: str, fields: callbacks.Fields) -> None:
        """A status 1 or 4; a bad answer worries every open editor."""
        if not (await self.outbox.post(url, fields)).accepted:
            self.broadcast(room, WARNING_UNSAVED)

    async def load(self, room: Room, url: str) -> bytes:
        """The document of a room, fetched once. Raises FetchFailed, NotWord."""
        async with self.loading.setdefault(room.epoch, trio.Lock()):
            if room.document is None:
                kept = self.forgotten_content(room.key) if room.forgotten else None
                content = await self.outbox.fetch(url) if kept is None else kept
                text = await read_text(room.filetype, content) if room.filetype in FORMATS else ""
                room.load(content, text)
        self.loading.pop(room.epoch, None)
        assert room.document is not None
        return room.document

    def edit(self, room: Room, session: Session, text: str, ground: int | None) -> None:
        changed = room.edit(session, text, ground, self.now())
        number = session.tell(room.text)
        ack = {"type": "ack", "number": number}
        self.tell(session, ack if room.text == text else {**ack, "text": room.text})
        if not changed:
            return
        for other in list(room.sessions.values()):
            if other is not session:
                self.tell(other, {"type": "text", "number": other.tell(room.text), "text": room.text})

    def press_save(self, room: Room, session: Session) -> None:
        """Ctrl+S: without the integrator's forcesave flag, or with nothing new, it is nobody's business."""
        if session.editing and session.opening.forcesave and room.forcesave_due():
            forcesave = room.start_forcesave(Trigger.BUTTON, presser=session)
            self.start(saving.deliver, self, room, forcesave, session.base_url)

    async def save_by_timer(self, interval: float) -> None:
        while True:
            await trio.sleep(min(interval, 1.0) / 2)
            for room in list(self.rooms.values()):
                waiting = room.unsaved_since is not None and self.now() - room.unsaved_since >= interval
                if waiting and room.editors and room.forcesave_due() and room.change:
                    forcesave = room.start_forcesave(Trigger.TIMER)
                    self.start(saving.deliver, self, room, forcesave, room.change.author.base_url)

    async def drain(self) -> None:
        """Save every open document at once and wait, not for ever, for the answers."""
        self.stopping = True
        for room in list(self.rooms.values()):
            if room.phase in {Phase.WAITING, Phase.BACKING_OFF} and room.leaver:
                self.closers[room.key].cancel()
                self.close(room, room.leaver, 0)
            for session in room.editors:
                self.part(room, session, room.stop_editing(session), 0)
        with trio.move_on_after(self.config.stop_grace if self.errands else 0):
            await self.idle.wait()
        for inbox in list(self.inboxes.values()):
            inbox.close()

    def _clear_out(self, now: float) -> None:
        old = now - self.config.cache_lifetime
        for key, room in list(self.rooms.items()):
            if not room.sessions and room.touched < old and not room.to_save:
                del self.rooms[key]
