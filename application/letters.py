"""How a command reaches a document's actor, and what it led to comes back."""

from __future__ import annotations

from collections import deque
from functools import partial
from math import inf
from typing import Self

import trio
from outcome import Error, Outcome

from application.alarms import Alarm, Alarms
from domain.commands import Command
from domain.document import Document


class Letter:
    """A command in an envelope. No command: just a look.

    Whoever opens it (`with letter`) says what came of it; closed without that, the asker is told.
    """

    __slots__ = ("_closed", "command", "outcome", "taken")

    def __init__(self, command: Command | None) -> None:
        self.command = command
        self.outcome: Outcome[Document | None] | None = None
        self.taken = False
        self._closed = trio.Event()  # a memory channel takes four times as long to make

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()

    def give_up(self, why: Exception) -> None:
        """Its sender waits no longer, whoever has it. What has come of it already, its sender hears."""
        if not self._closed.is_set():
            self.outcome = Error(why)
            self._closed.set()

    async def answer(self) -> Document | None:
        """Raises EndOfChannel where there is none, and what the command has led to."""
        await self._closed.wait()
        if self.outcome is None:
            raise trio.EndOfChannel
        return self.outcome.unwrap()


class Mailbox:
    """A letter is in the actor's hands or still in the sender's, who may take it back, never between.

    Whoever knocks once it is closed (`with mailbox`) gets BrokenResourceError.
    """

    def __init__(self, alarms: Alarms) -> None:
        self._alarms = alarms
        self._waiting: deque[Letter] = deque()
        self._news = trio.Event()
        self._rung = self._closed = False

    async def ask(self, command: Command | None, until: float = inf) -> Document | None:
        """Raises TooSlowError when the answer has not come by then, EndOfChannel, BrokenResourceError."""
        if self._closed:
            raise trio.BrokenResourceError
        letter = Letter(command)
        self._waiting.append(letter)
        self._news.set()
        try:
            with Alarm(self._alarms, partial(letter.give_up, trio.TooSlowError())) as alarm:
                alarm.set(until)
                return await letter.answer()
        finally:
            if not letter.taken:
                self._waiting.remove(letter)

    def ring(self) -> None:
        """Have the actor look at its clock."""
        self._rung = True
        self._news.set()

    async def receive(self, due: float) -> Letter | None:
        """The next letter; None if it is time for something else already, or rings before one comes."""
        is_due, self._rung = due <= trio.current_time(), False
        if is_due or self._waiting:
            await trio.lowlevel.checkpoint()
        while not (is_due or self._rung or self._waiting):
            self._news = trio.Event()
            await self._news.wait()
        if is_due or self._rung:
            return None
        letter = self._waiting.popleft()
        letter.taken = True
        return letter

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        for letter in self._waiting:
            letter.give_up(trio.BrokenResourceError())
