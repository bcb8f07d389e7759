"""The browsers: editor pages that open documents, type, save, and go in every way there is."""

from __future__ import annotations

from functools import partial
from itertools import count

import trio

from application.desk import Unavailable
from application.journal import JournalFailed, StaleWrite
from application.opening import SavingInProgress, Shut
from application.people import Person
from application.ports import StorageFailed
from domain.words import Mode
from infrastructure.standin.openings import Opening as Invitation
from infrastructure.standin.outbox import FetchFailed
from infrastructure.standin.room import Room, Session
from tests.simulation.docledger import Docledger
from tests.simulation.machine import Cut
from tests.simulation.office import BASE, Office
from tests.simulation.witness import Witness

PATIENCE = 4  # times that a page asks for its configuration
SILENCE = 45.0  # seconds until a dead tab is noticed
NOT_NOW = (Cut, SavingInProgress, Shut, JournalFailed, StaleWrite, Unavailable, StorageFailed)


class Page:
    def __init__(self, person: Person, file: str, town: Town) -> None:
        self.person, self.file, self.town = person, file, town
        self.room: Room | None = None
        self.session: Session | None = None
        self.invitation: Invitation | None = None
        self.asleep = False
        self.epoch, self.text, self.typed = "", "", False
        self.closed = False
        self.settled = trio.Event()  # opened, or given up

    async def open(self, mode: Mode = Mode.EDIT) -> bool:
        try:
            return await self._open(mode)
        finally:
            self.settled.set()

    async def _open(self, mode: Mode) -> bool:
        for _ in range(PATIENCE):
            try:
                self.invitation = await self._invited(mode)
                if self.closed:
                    return False
                if await self._enter():
                    return not self.closed
            except NOT_NOW:
                pass
            await trio.sleep(2)
        return False

    async def _invited(self, mode: Mode) -> Invitation:
        docledger, witness = self.town.docledger, self.town.witness
        asked = witness.ended_keys()
        opening = await docledger.ask(lambda node: node.door.open(self.file, self.person, "::1", wanted=mode))
        witness.handed_out(self.file, opening.key, asked)
        return Invitation(
            key=opening.key,
            url=f"http://docledger/file?file={self.file}&version={opening.version}&key={opening.key}",
            filetype="txt",
            title="plan.txt",
            user_id=self.person.id,
            user_name=self.person.name,
            callback_url="http://docledger/callback",
            editing=opening.mode is Mode.EDIT,
            forcesave=True,
        )

    async def _enter(self) -> bool:
        """Raises Cut."""
        office = self.town.office
        assert self.invitation
        if not office.machine.up:
            raise Cut
        session = Session(next(self.town.numbers), self.invitation, BASE, self.invitation.editing)
        room = office.standin.enter(session)
        if room is None:
            return False  # "version changed"
        self._remember()
        self.room, self.session = room, session
        await trio.sleep(0.05)
        try:
            await office.machine.call(partial(office.standin.load, room, self.invitation.url))
        except (Cut, FetchFailed):
            self._part()
            raise Cut from None
        session.submitted = room.text
        session.tell(room.text)
        if self.typed and self.epoch != room.epoch:
            # The server has lost its memory: what this page shows is all there is.
            office.standin.edit(room, session, self.text, session.told_count)
        self.epoch = room.epoch
        if self.closed:
            self.leave()
        return True

    @property
    def connected(self) -> bool:
        """The session is known to the server of now."""
        if self.session is None or self.room is None or not self.town.office.machine.up:
            return False
        return self.session.id in self.room.sessions and self.room in self.town.office.standin.rooms.values()

    @property
    def dropped(self) -> bool:
        """Sent out: the editor stays open and read-only."""
        return bool(self.session and self.invitation and self.invitation.editing and not self.session.editing)

    def type(self) -> None:
        session, room = self.session, self.room
        if not self.connected or session is None or room is None or not session.editing:
            return
        if room.document is None:
            return
        mark = self.town.witness.new_mark()
        told = session.told.get(session.told_count, session.submitted)
        self.town.office.standin.edit(room, session, told + mark, session.told_count)
        self.typed = True
        if mark in room.text:
            self.town.witness.typed(mark, room.key)

    def save(self) -> None:
        if self.connected and self.session and self.room:
            self.town.office.standin.press_save(self.room, self.session)

    def leave(self) -> None:
        self.closed = not self.asleep
        self._part()

    def _remember(self) -> None:
        if self.session:
            self.text = self.session.told.get(self.session.told_count, self.session.submitted)

    def _part(self) -> None:
        self._remember()
        if self.connected and self.session and self.room:
            self.town.office.standin.leave(self.room, self.session)
        self.session = None

    async def vanish(self) -> None:
        """The tab dies, or the laptop falls asleep: the server notices when the pings stay away."""
        await trio.sleep(SILENCE)
        self.leave()

    async def reconnect(self) -> bool:
        """With the configuration of before, as a page does that has lost its connection."""
        try:
            return await self._enter()
        except Cut:
            return False


class Town:
    def __init__(self, docledger: Docledger, office: Office, witness: Witness) -> None:
        self.docledger, self.office, self.witness = docledger, office, witness
        self.numbers = count(1)
        self.people = [Person(name.lower(), name) for name in ("Ada", "Bob", "Cy")]
        self.files: list[str] = []
        self.pages: dict[tuple[int, int], Page] = {}

    async def page(self, user: int, file: int, mode: Mode = Mode.EDIT) -> Page | None:
        """The page of this user for this file, opened if need be."""
        place = (user, file)
        page = self.pages.get(place)
        if page and page.dropped:
            page.leave()
            page = None
        if page is None:
            page = self.pages[place] = Page(self.people[user], self.files[file], self)
            if not await page.open(mode) and self.pages.get(place) is page:
                del self.pages[place]
        await page.settled.wait()
        return page if page.connected and not page.asleep else None

    def gone(self, user: int, file: int) -> Page | None:
        return self.pages.pop((user, file), None)
