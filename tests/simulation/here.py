"""In which process the running task is: what it does to the outside goes through there."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Protocol


class Process(Protocol):
    async def moves(self) -> None:
        """Wait while it is paused."""
        ...

    def moment(self, name: str) -> None:
        """Something happens at which it may be killed."""
        ...


HERE: ContextVar[Process | None] = ContextVar("HERE", default=None)


async def moves() -> None:
    if here := HERE.get():
        await here.moves()


def moment(name: str) -> None:
    if here := HERE.get():
        here.moment(name)
