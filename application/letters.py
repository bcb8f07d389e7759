"""How a command reaches a document's actor, and what it led to comes back."""

from __future__ import annotations

import trio
from outcome import Outcome

from domain.commands import Command
from domain.document import Document


class Letter:
    """A command in an envelope, with the way back for the answer. No command: just a look."""

    def __init__(self, command: Command | None) -> None:
        self.command = command
        self.reply, self.answer = trio.open_memory_channel[Outcome[Document | None]](1)
