"""How a command reaches a document's actor, and what it led to comes back."""

from __future__ import annotations

from typing import Self

import trio
from outcome import Outcome

from domain.commands import Command
from domain.document import Document


class Letter:
    """A command in an envelope, with the way back for the answer. No command: just a look.

    Whoever has it answers within `with letter.reply`; left without an answer, the asker is told.
    """

    __slots__ = ("_done", "_outcome", "command")

    def __init__(self, command: Command | None) -> None:
        self.command = command
        self._done = trio.Event()  # a memory channel takes four times as long to make
        self._outcome: Outcome[Document | None] | None = None

    @property
    def reply(self) -> Self:
        return self

    @property
    def answer(self) -> Self:
        return self

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._done.set()

    def send_nowait(self, outcome: Outcome[Document | None]) -> None:
        self._outcome = outcome

    async def receive(self) -> Outcome[Document | None]:
        """Raises EndOfChannel where the reply was given up."""
        await self._done.wait()
        if self._outcome is None:
            raise trio.EndOfChannel
        return self._outcome
