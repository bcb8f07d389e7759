"""The doctor of a running service: one examination at a time, and the last one's findings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import trio

from application.doctor.checks import Check
from application.doctor.landing import Landing

Examine = Callable[[Landing], Awaitable[Sequence[Check]]]


@dataclass(frozen=True, slots=True)
class Report:
    at: datetime
    checks: Sequence[Check]


class Doctor:
    def __init__(
        self, landing: Landing, examine: Examine, now: Callable[[], datetime], settings: str
    ) -> None:
        """`settings` is a fingerprint of those that this service goes by."""
        self.settings = settings
        self.landing = landing
        self.last: Report | None = None
        self._examine = examine
        self._now = now
        self._busy = trio.Lock()
        self._ended = 0.0

    async def examine(self) -> Report:
        """Whoever comes while one is under way waits for it, and gets what it found."""
        came = trio.current_time()
        async with self._busy:
            if self.last is None or self._ended <= came:
                self.last = Report(self._now(), await self._examine(self.landing))
                self._ended = trio.current_time()
            return self.last
