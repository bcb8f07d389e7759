"""One key at the stand-in: who is in, what the text is, what was saved. Decides; never waits or sends."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from secrets import token_hex

from .changes import Author, Change, Final, Run
from .merging import merge
from .openings import Opening

TOLD_LIMIT = 200  # texts a silent page may fall behind


class Phase(Enum):
    OPEN = auto()
    WAITING = auto()  # the last editor left; the save delay runs
    ASSEMBLING = auto()
    OFFERING = auto()  # the final callback is on its way
    BACKING_OFF = auto()  # it failed and will be tried again
    SPENT = auto()  # saved: "version changed" until the window is over


class Delivery(Enum):
    ASSEMBLING = auto()
    OFFERING = auto()
    FAILED = auto()  # nothing was assembled
    REFUSED = auto()
    ENDED = auto()


class Trigger(Enum):
    """The wire's forcesavetype."""

    COMMAND = 0
    BUTTON = 1
    TIMER = 2
    FORM = 3


class Departure(Enum):
    UNNOTICED = auto()  # a viewer
    OTHERS_STAY = auto()
    UNCHANGED = auto()
    TO_SAVE = auto()


@dataclass(eq=False, slots=True)
class Session:
    """One open editor page."""

    id: int
    opening: Opening
    base_url: str
    editing: bool
    submitted: str = ""  # what the page told last
    told: dict[int, str] = field(default_factory=dict)  # what it was told and may build on
    told_count: int = 0

    @property
    def user_id(self) -> str:
        return self.opening.user_id

    @property
    def author(self) -> Author:
        opening = self.opening
        return Author(opening.user_id, opening.user_name, opening.callback_url, self.base_url)

    def tell(self, text: str) -> int:
        """Remember a text the page is told, under the number it will refer to it by."""
        self.told_count += 1
        if self.editing:
            self.told[self.told_count] = text
            self.told.pop(self.told_count - TOLD_LIMIT, None)
        return self.told_count

    def ground(self, number: int | None) -> str:
        """What the page's new text grew from: something it was told, or else what it told last."""
        if number not in self.told:
            return self.submitted
        self.told = {old: text for old, text in self.told.items() if old >= number}
        return self.told[number]


@dataclass(eq=False, slots=True)
class Forcesave:
    """A snapshot on its way out; only `delivery` and what was assembled change."""

    change: Change
    document: bytes
    text: str
    history: tuple[Run, ...]
    trigger: Trigger
    presser: Session | None = None
    userdata: str | None = None
    form: str | None = None  # what was filled in, JSON
    delivery: Delivery = Delivery.ASSEMBLING
    directory: str | None = None


@dataclass(eq=False, slots=True)
class Room:
    key: str
    filetype: str
    result_type: str = ""  # of what is assembled; the document's own without it
    epoch: str = field(default_factory=lambda: token_hex(8))
    phase: Phase = Phase.OPEN
    spent_until: float = 0.0
    touched: float = 0.0
    sessions: dict[int, Session] = field(default_factory=dict)
    latest_callback: str | None = None  # of the most recently opened page, viewers included
    document: bytes | None = None
    text: str = ""
    history: list[Run] = field(default_factory=list)
    change: Change | None = None
    recalled: Change | None = None  # one from before a crash: nobody remembers how far it was saved
    unassembled: Change | None = None  # one that could not be made into a file
    final: Final | None = None
    unsaved_since: float | None = None
    forcesave: Forcesave | None = None
    forgotten: bool = False  # opened from a forgotten file
    leaver: Author | None = None  # the last editor to leave

    @property
    def editors(self) -> list[Session]:
        return [session for session in self.sessions.values() if session.editing]

    @property
    def users(self) -> list[str]:
        return list(dict.fromkeys(session.user_id for session in self.editors))

    @property
    def to_save(self) -> bool:
        return (self.change is not None or self.forgotten) and self.phase is not Phase.SPENT

    @property
    def delivered(self) -> bool | None:
        """Whether a forcesave already brought the latest change; None when nobody can tell."""
        if self.forgotten or (self.change and self.change == self.recalled):
            return None
        saved = self.forcesave
        return saved is not None and saved.delivery is Delivery.ENDED and saved.change == self.change

    def admits(self, now: float) -> bool:
        """Whether a page may open this key now; the alternative is "version changed"."""
        return self.phase is not Phase.OFFERING and not (self.phase is Phase.SPENT and now < self.spent_until)

    @property
    def assembled_as(self) -> str:
        return self.result_type or self.filetype

    def enter(self, session: Session) -> None:
        if session.editing:
            self.phase, self.final = Phase.OPEN, None
        self.sessions[session.id] = session
        if session.opening.callback_url:
            self.latest_callback = session.opening.callback_url

    def load(self, document: bytes, text: str) -> None:
        """The text of a document that is already changed is known better here."""
        self.document = document
        if self.change is None:
            self.text = text

    def leave(self, session: Session) -> Departure:
        self.sessions.pop(session.id, None)
        return self.stop_editing(session)

    def stop_editing(self, session: Session) -> Departure:
        if not session.editing:
            return Departure.UNNOTICED
        session.editing = False
        self.leaver = session.author
        if self.editors:
            return Departure.OTHERS_STAY
        if self.to_save:
            self.phase = Phase.WAITING
            return Departure.TO_SAVE
        return Departure.UNCHANGED

    def edit(self, session: Session, text: str, ground: int | None, now: float) -> bool:
        """Merge what the page has made of a text it knew; False when that changes nothing."""
        if not (session.editing and session.opening.typing) or self.document is None:
            return False
        merged = merge(session.ground(ground), text, self.text)
        session.submitted = text
        if merged == self.text:
            return False
        self.text = merged
        if not self.history or self.history[-1].user_id != session.user_id:
            self.history.append(Run(session.user_id, session.opening.user_name, now))
        if self.unsaved_since is None:
            self.unsaved_since = now
        self.change = Change(self.change.revision + 1 if self.change else 1, session.author, now)
        return True

    def callback_for(self, author: Author) -> str | None:
        return author.callback_url or self.latest_callback

    def forcesave_due(self) -> bool:
        """Whether there is a change that no forcesave was started for yet."""
        if self.change is None or self.phase is Phase.SPENT or not self.callback_for(self.change.author):
            return False
        if self.change in {self.recalled, self.unassembled}:
            return False
        return self.forcesave is None or self.forcesave.change != self.change

    def refused_forcesave(self) -> Forcesave | None:
        """The last forcesave, if it holds the latest change and its callback was not accepted."""
        if self.forcesave is None or self.forcesave_due() or self.phase is Phase.SPENT:
            return None
        return self.forcesave if self.forcesave.delivery is Delivery.REFUSED else None

    def start_forcesave(
        self, trigger: Trigger, *, presser: Session | None = None, userdata: str | None = None
    ) -> Forcesave:
        assert self.change is not None, "ask forcesave_due first"
        assert self.document is not None, "only a loaded document can be changed"
        self.unsaved_since = None
        self.forcesave = Forcesave(
            self.change, self.document, self.text, tuple(self.history), trigger, presser, userdata
        )
        return self.forcesave

    def submission(self, presser: Session, form: str, now: float) -> Forcesave:
        """A form that was sent in: beside the saves, which it neither counts as nor stands in the way of."""
        assert self.document is not None, "only a loaded document can be filled in"
        change = self.change or Change(0, presser.author, now)
        return Forcesave(change, self.document, self.text, (), Trigger.FORM, presser, form=form)

    def stand(self) -> None:
        """The integrator refused an end without a file: the changes stay for whoever opens the key."""
        self.phase, self.final = Phase.OPEN, None
        self.unassembled = self.change

    def spend(self, until: float) -> None:
        """The final callback was accepted: the key is used up, nothing of the document stays here."""
        self.phase, self.spent_until = Phase.SPENT, until
        self.document, self.text = None, ""
        self.change = self.recalled = self.unassembled = self.final = None
        self.forcesave = self.unsaved_since = None
        self.history.clear()
