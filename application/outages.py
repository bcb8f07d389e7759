"""When the journal last failed here: other nodes may hold saves that they could not record either."""

from __future__ import annotations

from math import inf

import trio


class Outages:
    def __init__(self) -> None:
        self._last = -inf

    def note(self) -> None:
        self._last = trio.current_time()

    def within(self, seconds: float) -> bool:
        """Whether there was one, so many seconds ago at most."""
        return trio.current_time() - self._last <= seconds
