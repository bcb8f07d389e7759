"""Who watches the application at work: for counts and durations that can be read off nothing later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from application.changes import Change
from domain.commands import Command
from domain.document import Document
from domain.events import DocumentEvent


class Observer(Protocol):
    """It never raises and never waits."""

    def decided(
        self,
        cause: Command,
        before: Document | None,
        facts: Sequence[DocumentEvent],
        others: Sequence[Change],
    ) -> None:
        """These facts followed, or none did, and they are recorded, with the others in their transaction."""
        ...

    def replied(self, status: int, http: int, error: int, seconds: float) -> None:
        """A genuine callback of that status was answered, so long after it had come."""
        ...


class Metrics(Protocol):
    """What is counted, as the web gives it out and adds to it."""

    def requested(self, route: str, method: str, status: int | None, seconds: float) -> None:
        """A request to this template of a route is over; no status: it was never answered."""
        ...

    async def exposed(self, accept: str) -> tuple[bytes, str]:
        """Everything in Prometheus' text format, or OpenMetrics where it is accepted, and its media type."""
        ...


class Unobserved:
    def decided(
        self,
        cause: Command,
        before: Document | None,
        facts: Sequence[DocumentEvent],
        others: Sequence[Change],
    ) -> None:
        pass

    def replied(self, status: int, http: int, error: int, seconds: float) -> None:
        pass
