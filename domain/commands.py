"""What an open document can be asked. Imperatives; `at` is the asker's clock, aware UTC.

`live` is filled in by the document's actor: the key that is live for the file as it saw it, or None;
the journal's unique live row has the last word.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from domain.offers import offer_id
from domain.words import Mode, Next, Source, Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Admit:
    """Let a user in under this key, if the key may still be handed out."""

    at: datetime
    user: str
    name: str
    mode: Mode
    address: str
    head: int  # the file's head version now
    reuse: float  # seconds for which a key closed unchanged is handed out again
    afresh: bool = False  # to be recorded even if they were let in alike before: other nodes have to know


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Start a session on a new key, for its first user; it begins with the file's head."""

    file: str
    name: str
    filetype: str
    owner: str
    first: Admit


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteLoaded:
    """The server fetches a version's bytes to begin the session with."""

    at: datetime
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotePresence:
    """Status 1, or the answer to `info`: these users edit now."""

    at: datetime
    users: tuple[str, ...]
    live: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendOut:
    """Have these users shown out: `by` somebody, or because they may no longer be there."""

    at: datetime
    users: tuple[str, ...]
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOffer:
    """Status 2 or 6, or 3 or 7 with a url: the server has bytes for us."""

    at: datetime
    url: str
    status: int
    trigger: Trigger
    filetype: str = ""  # the document's own, where the server does not say
    users: tuple[str, ...] = ()
    changes_url: str | None = None
    history: Any = None
    lastsave: datetime | None = None
    notmodified: bool | None = None
    keep: bool = False  # a status 3: the server is told to keep its change log
    forms_data_url: str | None = None
    live: str | None = None

    @property
    def offer(self) -> str:
        return offer_id(self.status, self.url)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseUnchanged:
    """Status 4. `admitted` is the last admission the asker knows of, recorded or not."""

    at: datetime
    admitted: datetime | None = None
    confirmed: datetime | None = None  # when `info` was asked that says so too


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteServerFailure:
    """Status 3 or 7 without bytes. `keep`: the server was told to keep its change log."""

    at: datetime
    status: int
    lastsave: datetime | None
    keep: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteFailure:
    """An effect failed. With an offer and GIVE_UP or QUARANTINE the offer is settled without bytes."""

    at: datetime
    source: Source
    detail: str
    attempt: int
    next: Next
    offer: str | None = None
    sha256: str | None = None

    @property
    def is_one_more(self) -> bool:
        """Neither the first failure nor the last."""
        return self.next is Next.RETRY and self.attempt > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteResumed:
    """A command that had failed several times was obeyed again."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitOffer:
    """An offer's bytes are safe in the blob store and are a document.

    Those of another type than the file's may have been converted: then they are the `original`.
    """

    at: datetime
    offer: str
    sha256: str
    size: int  # bytes
    changes_sha256: str | None = None
    forms_sha256: str | None = None
    original_sha256: str | None = None
    original_size: int = 0
    detail: str = ""  # why they could not be converted


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeStored:
    """An offer that comes with its bytes: they were made safe while it could not be recorded."""

    at: datetime
    offer: TakeOffer
    sha256: str
    size: int  # bytes
    changes_sha256: str | None = None
    forms_sha256: str | None = None
    original_sha256: str | None = None
    original_size: int = 0
    detail: str = ""

    @property
    def commit(self) -> CommitOffer:
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return CommitOffer(**{**given, "offer": self.offer.offer})


def taken(offer: TakeOffer, stored: CommitOffer) -> TakeStored:
    """An offer and its bytes in one."""
    given = {field.name: getattr(stored, field.name) for field in fields(stored)}
    return TakeStored(**{**given, "offer": offer})


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteOrphaned:
    """Nobody edits, and the server says again that it has changes: a crash of its own left them behind."""

    at: datetime
    since: datetime  # when it said so before
    admitted: datetime | None = None  # the last admission the asker knows of, recorded or not


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteReplied:
    """A callback has been answered."""

    at: datetime
    status: int  # of the callback
    http: int
    error: int
    seconds: float  # from the callback to its answer
    offer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseUnknown:
    """The server answered that it does not know the key."""

    at: datetime


Command = (
    Open
    | Admit
    | NoteLoaded
    | NotePresence
    | SendOut
    | TakeOffer
    | CloseUnchanged
    | NoteServerFailure
    | NoteFailure
    | NoteResumed
    | CommitOffer
    | TakeStored
    | NoteOrphaned
    | NoteReplied
    | CloseUnknown
)
