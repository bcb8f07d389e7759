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
from .changes import Author
from .config import StandinConfig
from .converting import Conversion
from .documents import FORMATS, read_text
from .faults import Faults
from .offers import FORCESAVES, Notes, Offers
from .outbox import Outbox, Post
from .results import Results
from .room import Departure, Phase, Room, Session, Trigger
from .rows import Rows
from .store import Shelf, Store
from .troubles import TroubledOutbox

INBOX_SIZE = 1000
WARNING_UNSAVED = {
    "type": "warning",
    "code": -101,
    "text": "The document could not be saved. "
    "Please check connection settings or contact your administrator.",
}


@dataclass(eq=False, slots=True)
class Standin:
    config: StandinConfig
    outbox: Post
    results: Results
    rows: Rows
    forgotten: Shelf
    faults: Faults
    offers: Offers
    forcesaves: Notes  # that were asked for, and by whom
    nursery: trio.Nursery
    now: Callable[[], float]
    rooms: dict[str, Room] = field(default_factory=dict)
    inboxes: dict[int, trio.MemorySendChannel[dict[str, Any]]] = field(default_factory=dict)
    closers: dict[str, trio.CancelScope] = field(default_factory=dict)
    loading: dict[str, trio.Lock] = field(default_factory=dict)
    conversions: dict[str, Conversion] = field(default_factory=dict)
    numbers: count[int] = field(default_factory=lambda: count(1))
    errands: int = 0
    idle: trio.Event = field(default_factory=trio.Event)
    stopping: bool = False
    quiet_since: float = field(default_factory=trio.current_time)

    @classmethod
    def create(
        cls,
        config: StandinConfig,
        client: httpx.AsyncClient,
        nursery: trio.Nursery,
        *,
        now: Callable[[], float] = time.time,
        store: Store | None = None,
    ) -> Standin:
        """With the store of one that is no more, it is the same server after a crash."""
        store = store or Store()
        kept = config.result_lifetime if store.folder else config.callback_timeout
        results = Results(config.url_lifetime, kept, store, now())
        folder = store.folder if config.control else None
        faults, offers, forcesaves = Faults(), Offers(folder, results, now), Notes(folder, FORCESAVES)
        plain = Outbox(config, client, now)
        outbox: Post = TroubledOutbox(plain, faults, offers) if config.control else plain
        shelf = store.shelf("forgotten")
        standin = cls(config, outbox, results, Rows(store), shelf, faults, offers, forcesaves, nursery, now)
        standin._recall()
        return standin

    def _recall(self) -> None:
        self.rooms = {room.key: room for room in self.rows.recall()}
        self._clear_out()
        for room in self.rooms.values():
            room.result_type = self.config.result_type(room.filetype)
            if room.final:
                closer = self.closers[room.key] = trio.CancelScope()
                self.start(saving.resume, self, room, room.final, closer)

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
        key, now = session.opening.key, self.now()
        self._clear_out()
        room = self.rooms.get(key)
        if room is not None and not room.admits(now):
            return None
        if room is None or room.phase is Phase.SPENT:
            filetype = session.opening.filetype
            room = self.rooms[key] = Room(key, filetype, self.config.result_type(filetype))
            room.forgotten = key in self.forgotten
        if session.editing and (closer := self.closers.pop(key, None)):
            closer.cancel()
        room.enter(session)
        room.touched = now
        self.rows.keep(room)
        if session.editing and session.opening.callback_url:
            joined = callbacks.action(callbacks.JOINED, session.user_id)
            self.start(self.notify, room, session.opening.callback_url, callbacks.editing(room, joined))
        self.tell_users(room)
        return room

    def leave(self, room: Room, session: Session) -> None:
        self.quiet_since, room.touched = trio.current_time(), self.now()
        self.part(room, session, room.leave(session), self.config.save_delay)
        if self.rooms.get(room.key) is room:
            self.rows.keep(room)

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
                self.close(room, session.author, delay)
        self.tell_users(room)

    def close(self, room: Room, leaver: Author, delay: float) -> None:
        closer = self.closers[room.key] = trio.CancelScope()
        self.start(saving.close, self, room, leaver, delay, closer)

    def forget_room(self, room: Room) -> None:
        self.rooms.pop(room.key, None)
        self.rows.drop(room.key)
        room.spend(0)

    async def notify(self, room: Room, url: str, fields: callbacks.Fields) -> None:
        """A status 1 or 4; a bad answer worries every open editor."""
        if not (await self.outbox.post(url, fields)).accepted:
            self.broadcast(room, WARNING_UNSAVED)

    async def load(self, room: Room, url: str) -> bytes:
        """The document of a room, fetched once. Raises FetchFailed, NotWord."""
        async with self.loading.setdefault(room.epoch, trio.Lock()):
            if room.document is None:
                known = self.document(room)
                content = await self.outbox.fetch(url) if known is None else known
                text = await read_text(room.filetype, content) if room.filetype in FORMATS else ""
                room.load(content, text)
                if room.phase is not Phase.SPENT:
                    self.rows.keep_document(room)
        self.loading.pop(room.epoch, None)
        assert room.document is not None
        return room.document

    def document(self, room: Room) -> bytes | None:
        """What the room grew from, as far as we have it."""
        if room.document is not None:
            return room.document
        content = self.rows.document(room.key)
        if content is None and room.forgotten and (forgotten := self.forgotten.get(room.key)):
            content = forgotten.content
        if content is not None and room.change:
            room.load(content, room.text)
        return content

    def edit(self, room: Room, session: Session, text: str, ground: int | None) -> None:
        changed = room.edit(session, text, ground, self.now())
        if changed:
            self.rows.keep(room)  # before the page may believe it
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

    def _clear_out(self) -> None:
        old = self.now() - self.config.cache_lifetime
        for key, room in list(self.rooms.items()):
            if not room.sessions and room.touched < old and not room.to_save:
                del self.rooms[key]
                self.rows.drop(key)
