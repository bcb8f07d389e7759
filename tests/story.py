"""Given facts, when a command, then facts: the language of the domain's tests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from domain import commands, events
from domain.commands import Command
from domain.deciding import decide
from domain.document import Document, replay
from domain.events import DocumentEvent
from domain.offers import offer_id
from domain.words import CloseReason, Mode, Standing, Trigger

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
RESULT = "http://server/cache/files/data/k_{n}/output.docx/output.docx?md5=abc&expires=9999999999"


def at(seconds: float = 0) -> datetime:
    return NOON + timedelta(seconds=seconds)


class Story:
    def __init__(self, facts: Iterable[DocumentEvent]) -> None:
        self.facts = tuple(facts)

    @property
    def document(self) -> Document:
        document = replay(self.facts)
        assert document is not None
        return document

    def when(self, command: Command) -> tuple[DocumentEvent, ...]:
        return decide(replay(self.facts), command)

    def then(self, *facts: DocumentEvent) -> Story:
        return Story((*self.facts, *facts))

    def after(self, *doings: Command) -> Story:
        story = self
        for command in doings:
            story = story.then(*story.when(command))
        return story


def given(*facts: DocumentEvent) -> Story:
    return Story(facts)


def opened(base: int = 1, seconds: float = 0) -> events.Opened:
    return events.Opened(at=at(seconds), file="f", name="a.docx", filetype="docx", owner="ada", base=base)


def admitted(user: str = "ada", seconds: float = 0, mode: Mode = Mode.EDIT) -> events.Admitted:
    return events.Admitted(at=at(seconds), user=user, name=user.title(), mode=mode, address="::1")


def joined(user: str = "ada", seconds: float = 1) -> events.Joined:
    return events.Joined(at=at(seconds), user=user)


def left(user: str = "ada", seconds: float = 60) -> events.Left:
    return events.Left(at=at(seconds), user=user)


def url(n: int | str) -> str:
    return RESULT.format(n=n)


def offered(
    n: int = 1,
    status: int = 6,
    seconds: float = 30,
    lastsave: float | None = None,
    trigger: Trigger | None = None,
    filetype: str = "docx",
) -> events.SaveOffered:
    return events.SaveOffered(
        at=at(seconds),
        offer=offer_id(status, url(n)),
        url=url(n),
        status=status,
        trigger=trigger or (Trigger.FINAL if status == 2 else Trigger.COMMAND),
        filetype=filetype,
        users=("ada",),
        lastsave=at(seconds if lastsave is None else lastsave),
        notmodified=False,
    )


def forcesaved(n: int = 1, version: int = 2, seconds: float = 31, *, head: bool = True) -> events.Forcesaved:
    return events.Forcesaved(
        at=at(seconds),
        offer=offer_id(6, url(n)),
        version=version,
        sha256=f"bytes {n}",
        size=10,
        trigger=Trigger.COMMAND,
        lag=1,
        head=head,
    )


def saved(n: int = 2, version: int = 3, seconds: float = 61, *, head: bool = True) -> events.Saved:
    return events.Saved(
        at=at(seconds),
        offer=offer_id(2, url(n)),
        version=version,
        sha256=f"bytes {n}",
        size=10,
        lag=1,
        head=head,
    )


def closed(reason: CloseReason = CloseReason.UNCHANGED, seconds: float = 61) -> events.Closed:
    return events.Closed(at=at(seconds), reason=reason)


def reopened(standing: Standing = Standing.LIVE, seconds: float = 70, user: str = "ada") -> events.Reopened:
    return events.Reopened(at=at(seconds), user=user, standing=standing)


def admit(user: str = "bob", seconds: float = 70, head: int = 1, mode: Mode = Mode.EDIT) -> commands.Admit:
    return commands.Admit(
        at=at(seconds), user=user, name=user.title(), mode=mode, address="::1", head=head, reuse=600
    )


def take(
    n: int | str = 1,
    status: int = 6,
    seconds: float = 30,
    lastsave: float | None = None,
    trigger: Trigger | None = None,
    live: str | None = None,
    filetype: str = "docx",
    users: tuple[str, ...] = ("ada",),
) -> commands.TakeOffer:
    return commands.TakeOffer(
        at=at(seconds),
        url=url(n),
        status=status,
        trigger=trigger or (Trigger.FINAL if status == 2 else Trigger.COMMAND),
        filetype=filetype,
        users=users,
        lastsave=at(seconds if lastsave is None else lastsave),
        notmodified=False,
        live=live,
    )


def present(*users: str, seconds: float = 10, live: str | None = None) -> commands.NotePresence:
    return commands.NotePresence(at=at(seconds), users=users, live=live)


def unchanged(
    seconds: float = 60, *, admitted: float | None = None, confirmed: float | None = None
) -> commands.CloseUnchanged:
    return commands.CloseUnchanged(
        at=at(seconds),
        admitted=None if admitted is None else at(admitted),
        confirmed=None if confirmed is None else at(confirmed),
    )


def stored(n: int = 1, status: int = 6, seconds: float = 31, sha256: str = "") -> commands.CommitOffer:
    return commands.CommitOffer(
        at=at(seconds), offer=offer_id(status, url(n)), sha256=sha256 or f"bytes {n}", size=10
    )


EDITING = given(opened(), admitted(), joined())
