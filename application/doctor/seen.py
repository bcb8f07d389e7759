"""What an examination sees, before anybody has judged it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto


class Trouble(Enum):
    """Why nothing was heard."""

    REFUSED = auto()
    SILENT = auto()
    UNKNOWN_HOST = auto()
    SELF_SIGNED = auto()
    UNTRUSTED = auto()  # signed by an authority that we do not know
    OUT_OF_DATE = auto()
    OTHER_NAME = auto()
    NO_TLS = auto()
    BROKEN = auto()


@dataclass(frozen=True, slots=True)
class Silence:
    trouble: Trouble
    words: str


@dataclass(frozen=True, slots=True)
class Heard:
    """The answer to a GET."""

    status: int
    text: str  # its beginning
    location: str = ""
    ahead: float | None = None  # seconds by which the other's clock is ahead of ours
    expires: datetime | None = None  # its certificate


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a command."""

    error: int
    version: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """By the converter."""

    code: int
    words: str


@dataclass(frozen=True, slots=True)
class Converted:
    url: str


@dataclass(frozen=True, slots=True)
class Result:
    """What came of fetching a conversion's result; `trouble` says why it did not arrive."""

    intact: bool = False
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody has fetched a probe of ours."""

    address: str  # of whoever is connected, which may be a proxy
    trusted: bool  # to speak for others: it is one of TRUSTED_PROXIES
    forwarded: bool  # it said for whom
    signed: bool | None  # with the Document Server's secret; None if not at all


@dataclass(frozen=True, slots=True)
class Call:
    """A callback has arrived where only the Document Server could know to send it."""

    refused: str = ""  # why it is not to be believed
    ahead: float | None = None


@dataclass(frozen=True, slots=True)
class Secret:
    """What can be said of a secret without saying it."""

    name: str
    weakness: str = ""
    same_as: str = ""  # the name of another one with the same value


@dataclass(frozen=True, slots=True)
class Setup:
    """What the settings say, as far as it can be judged by itself."""

    demo: bool
    standin: bool
    loopback: bool  # HOST
    public_url: str
    storage_url: str
    server_url: str  # as browsers reach it
    internal_url: str  # as we do
    result_origins: Sequence[str] = ()
    signed: bool = True
    has_secret: bool = True
    durable: bool = True
    believes_everybody: bool = False  # TRUSTED_PROXIES holds the whole internet
    ca_bundle: bool = False
    max_file_bytes: int = 100 * 1024 * 1024
    checkpoint_seconds: float = 60
    secrets: Sequence[Secret] = ()
    readable: Sequence[str] = ()  # files with secrets that others on this machine can read


@dataclass(frozen=True, slots=True)
class Disk:
    """One folder that we write to."""

    setting: str
    path: str
    free: int = 0  # bytes
    sync: float = 0.0  # seconds that a small durable write takes
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class BlobTrip:
    """A probe was kept, read back and discarded."""

    stage: str = ""  # at which it ended early
    trouble: str = ""
    objects: str = ""  # the object store, where it is one
    versioned: bool = False  # it keeps what is deleted


@dataclass(frozen=True, slots=True)
class Counting:
    """Of requests, for the rate limits."""

    where: str  # a url; empty: in memory
    trouble: str = ""
    seconds: float = 0.0  # for an answer


@dataclass(frozen=True, slots=True)
class Database:
    path: str
    exists: bool = True
    size: int = 0
    wal: int = 0  # bytes of the write-ahead log
    mode: str = "wal"
    flaw: str = ""  # what SQLite finds wrong with the file
    whole: bool = True  # it was looked at to its end
    unreadable: str = ""
    unwritable: str = ""
    facts: int = 0
    uncovered: int = 0  # facts beyond the last checkpoint
    uncovered_for: timedelta = timedelta(0)  # since the first of them was recorded


class Refusal(Enum):
    """Why PostgreSQL does not let us in."""

    UNREACHABLE = auto()
    SILENT = auto()
    UNKNOWN_HOST = auto()
    UNSAFE = auto()  # it and we do not agree on TLS
    NOT_LISTED = auto()  # in its pg_hba.conf
    PASSWORD = auto()
    NO_DATABASE = auto()
    FULL = auto()
    NOT_YET = auto()  # it starts, stops, or recovers
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Postgres:
    """A database in PostgreSQL, as a connection like ours sees it."""

    url: str  # without its password
    refusal: Refusal | None = None
    unreadable: str = ""  # in its own words
    exists: bool = True
    foreign: str = ""  # why its tables are none of this release
    release: str = "15.1"
    number: int = 150001  # of its release
    encoding: str = "UTF8"
    read_only: bool = False
    may_write: bool = True
    fsync: bool = True
    full_page_writes: bool = True
    synchronous: str = "on"  # commits
    free: int = 90  # connections that are to be had
    ours: int = 0  # connections of Docledger's processes
    ahead: float = 0.0  # seconds by which its clock is ahead
    pooled: bool = False  # another process answers than the one that we were connected with
    commit: float | None = None  # seconds that a small one takes
    spoilt: int = 0  # pages that it has met whose checksum was wrong
    size: int = 0
    facts: int = 0
    uncovered: int = 0  # facts beyond the last checkpoint
    uncovered_for: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Saves that have not come to their place."""

    forgotten: int | None = 0  # at the Document Server, of keys that are ours; None: it does not say
    waiting: int = 0  # sidecars
    unreadable: int = 0  # sidecars
    overflow: int = 0
    quarantined: int = 0
