"""How a command reaches a document's actor, and what it led to comes back."""

from __future__ import annotations

from typing import Self

import trio
from outcome import Outcome

from domain.commands import Command
from domain.document import Document


class Letter:
    """A command in an envelope. No command: just a look.

    Whoever opens it (`with letter`) says what came of it; closed without that, the asker is told.
    """

    __slots__ = ("_closed", "command", "outcome")

    def __init__(self, command: Command | None) -> None:
        self.command = command
        self.outcome: Outcome[Document | None] | None = None
        self._closed = trio.Event()  # a memory channel takes four times as long to make

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()

    async def answer(self) -> Document | None:
        """Raises EndOfChannel where there is none, and what the command has led to."""
        await self._closed.wait()
        if self.outcome is None:
            raise trio.EndOfChannel
        return self.outcome.unwrap()


class Mailbox:
    """Without a buffer: a letter is in the actor's hands or still in the sender's, never between.

    Whoever knocks once it is closed (`with mailbox`) gets BrokenResourceError.
    """

    def __init__(self) -> None:
        self._slot, self._inbox = trio.open_memory_channel[Letter](0)

    async def ask(self, command: Command | None) -> Document | None:
        letter = Letter(command)
        try:
            self._slot.send_nowait(letter)  # the answer is waited for anyway
        except trio.WouldBlock:
            await self._slot.send(letter)
        return await letter.answer()

    async def receive(self) -> Letter:
        return await self._inbox.receive()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._inbox.close()
