"""What the application needs from the outside world, in its own words."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol


class StorageFailed(Exception):
    """The blob store did not take or give the bytes; trying again later may help."""


class TooLarge(Exception):
    """More bytes than the limit allows; trying again does not help."""


class DownloadFailed(Exception):
    """The offered bytes did not arrive whole; trying again may help while the url lives."""


class DownloadGone(DownloadFailed):
    """The url is dead or forbidden (403, 404, 410): only a fresh url can help."""


class ServerUnreachable(Exception):
    """The Document Server gave no usable answer within the deadline."""


class ConversionFailed(Exception):
    """The Document Server answered that it cannot convert."""

    def __init__(self, code: int) -> None:
        """`code` is its negative number."""
        super().__init__(CONVERSION_ERRORS.get(code, f"the Document Server answered error {code}"))
        self.code = code


DISTRUSTED = -8
CONVERSION_ERRORS = {
    -1: "the Document Server says no more than that it failed",
    -2: "it took the Document Server too long",
    -3: "the Document Server cannot read the file, or not make that type of it",
    -4: "the Document Server could not fetch the file from Docledger",
    -5: "the file is protected with a password",
    -6: "the Document Server's database failed",
    -7: "the Document Server does not know the type",
    DISTRUSTED: "the Document Server does not accept Docledger's signature",
    -9: "the Document Server cannot tell the type of the file",
    -10: "the file is too large for the Document Server",
}


@dataclass(frozen=True, slots=True)
class Blob:
    sha256: str
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look at the content said about a file that claims to be of some type."""

    accepted: bool
    found: str  # the MIME type the content shows
    reason: str = ""  # for people, when not accepted: what is wrong and what to do


class Code(IntEnum):
    """`error` in an answer of the command service, as a server 9.3 uses it."""

    OK = 0  # for a forcesave: started, a status 6 follows
    UNKNOWN_KEY = 1
    NO_CALLBACK = 2  # registered for the key; only `info` says so
    FAULT = 3  # or a lost race with another forcesave
    NOTHING_NEW = 4
    UNKNOWN_COMMAND = 5
    BAD_TOKEN = 6
    EXPIRED_TOKEN = 7


@dataclass(frozen=True, slots=True)
class Answer:
    """The Document Server's answer to a command."""

    error: int  # a Code, or what a newer server may add
    body: Mapping[str, Any]


class Blobs(Protocol):
    """Immutable bytes, addressed by their SHA-256. What `keep` returned is durable."""

    async def keep(self, chunks: AsyncIterable[bytes], *, limit: int) -> Blob:
        """Store a stream of at most `limit` bytes. Raises TooLarge, StorageFailed."""
        ...

    def read(self, sha256: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` up to, not including, `stop`. Raises StorageFailed on the way.

        A reader may walk away at any time; nothing stays open.
        """
        ...

    async def place(self, sha256: str) -> str | None:
        """Where the bytes are, as a file below the store's folder that a proxy may read; None if they
        are not. Raises StorageFailed.
        """
        ...

    async def quarantine(self, sha256: str, source: str, note: Mapping[str, Any]) -> None:
        """Mark stored bytes as suspect, with a durable note for each source. Raises StorageFailed."""
        ...

    async def discard(self, sha256: str, *, idle: float, referenced: Callable[[], Awaitable[bool]]) -> bool:
        """Delete bytes for good; whether they were. Raises StorageFailed, and whatever `referenced` does.

        Bytes in quarantine stay, and so do those that were kept (again) within the last `idle`
        seconds. `referenced` is asked last: whoever keeps the bytes from then on has them, whatever it says.
        """
        ...


class Inspector(Protocol):
    async def inspect(self, sha256: str, filetype: str) -> Verdict:
        """Say whether stored bytes are what `filetype` (an extension, no dot) promises.

        Raises StorageFailed.
        """
        ...


class DocumentServer(Protocol):
    async def command(self, name: str, key: str | None = None, **parameters: Any) -> Answer:
        """Send one command to the command service. Raises ServerUnreachable."""
        ...

    async def convert(self, url: str, *, filetype: str, outputtype: str, key: str, title: str = "") -> str:
        """Have the file behind `url` made another type (extensions, no dot); the url of the result.

        `key` names the attempt to the server, which answers a known one with what it knows.
        Raises ConversionFailed, ServerUnreachable.
        """
        ...

    async def fetch(self, url: str) -> Blob:
        """Download offered bytes into the blob store.

        Raises DownloadFailed (DownloadGone when only a fresh url helps), TooLarge, StorageFailed.
        """
        ...
