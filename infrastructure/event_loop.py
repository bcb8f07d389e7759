"""How late the event loop is: whatever holds it holds every request and every save."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import trio

EVERY = 0.5  # seconds
LOOKS = 10  # that are remembered


class EventLoop:
    def __init__(self, lagged: Callable[[float], None]) -> None:
        self._lagged = lagged
        self._lags = deque([0.0], LOOKS)

    @property
    def lag(self) -> float:
        """Seconds, at the worst of the last moments."""
        return max(self._lags)

    async def run(self) -> None:
        """For ever."""
        while True:
            due = trio.current_time() + EVERY
            await trio.sleep_until(due)
            lag = trio.current_time() - due
            self._lags.append(lag)
            self._lagged(lag)
