"""Open event streams: how many there may be, and how each of them ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import trio
from starlette.types import Message, Send

STALLED = 30.0  # seconds in which a reader has taken nothing
SWEEP = 1.0  # seconds between two looks for such readers
MOST = 2000
PER_PERSON = 20
PER_ADDRESS = 500  # a whole office may come from one address


class TooManyStreams(Exception):
    """This person or this address has enough; the text says what to do."""


class Crowded(Exception):
    """There are no more for anybody; the text says what to do."""


class Stream:
    """One response that goes on until its reader leaves or it is ended."""

    def __init__(self, send: Send, sever: Callable[[], None]) -> None:
        self.scope = trio.CancelScope()
        self.severed = False
        self._send, self._sever = send, sever
        self._since: float | None = None  # a send is under way

    async def send(self, message: Message) -> None:
        self._since = trio.current_time()
        try:
            await self._send(message)
        finally:
            self._since = None

    def stalled(self, now: float) -> bool:
        return self._since is not None and now - self._since > STALLED

    def end(self) -> None:
        self.scope.cancel()
        if self._since is not None:  # a cancellation does not reach what the server is sending
            self.severed = True
            self._sever()


class Streams:
    def __init__(self, closing: trio.Event) -> None:
        """All of them end when `closing` is set."""
        self._closing = closing
        self._open: set[Stream] = set()
        self._whose: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    @contextmanager
    def admitted(self, stream: Stream, person: str, address: str) -> Iterator[None]:
        """For as long as it goes on. Raises TooManyStreams, Crowded."""
        self._check(person, address)
        subjects = (f"person {person}", f"address {address}")
        self._open.add(stream)
        self._whose.update(subjects)
        try:
            with stream.scope:
                yield
        finally:
            self._open.discard(stream)
            self._whose -= Counter(subjects)  # and forget whoever has none

    async def run(self) -> None:
        while not self._closing.is_set():
            with trio.move_on_after(SWEEP):
                await self._closing.wait()
            for stream in [stream for stream in self._open if stream.stalled(trio.current_time())]:
                stream.end()
        for stream in list(self._open):
            stream.end()

    def _check(self, person: str, address: str) -> None:
        if self._closing.is_set() or len(self._open) >= MOST:
            raise Crowded("No more live updates can be sent for now. Try again in a minute.")
        if self._whose[f"person {person}"] >= PER_PERSON:
            raise TooManyStreams(f"You have {PER_PERSON} event streams open. Close one, then try again.")
        if self._whose[f"address {address}"] >= PER_ADDRESS:
            raise TooManyStreams(
                f"{PER_ADDRESS} event streams go to your address. Close one, then try again."
            )
