"""Writing into a stream that others write into as well."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from application.journal import JournalFailed, StaleWrite

T = TypeVar("T")

LONGEST = (
    10.0  # seconds; each attempt is lost to somebody else's success, so that a crowd is done long before
)
PAUSE = 0.002  # seconds, so that the next attempt is made in another millisecond


async def until_recorded(attempt: Callable[[], Awaitable[T]]) -> T:
    """What the first attempt gives that nobody overtakes. Raises JournalFailed when others always do."""
    end = trio.current_time() + LONGEST
    while True:
        try:
            return await attempt()
        except StaleWrite as stale:
            if trio.current_time() > end:
                raise JournalFailed(f"others keep writing first: {stale}") from stale
        await trio.sleep(PAUSE)
