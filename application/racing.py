"""Writing into a stream that others write into as well."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from math import inf
from typing import TypeVar

import trio

from application.journal import JournalFailed, StaleWrite

T = TypeVar("T")

LONGEST = 10.0  # seconds; each loss is somebody else's success, so that a crowd is done long before
PAUSE = 0.002  # seconds, so that the next attempt is made in another millisecond


async def until_recorded(attempt: Callable[[], Awaitable[T]]) -> T:
    """What the first attempt gives that nobody overtakes. Raises JournalFailed when others always do.

    Time counts from the first loss: until then, an attempt may wait for something else.
    """
    end = inf
    while True:
        try:
            return await attempt()
        except StaleWrite as stale:
            end = min(end, trio.current_time() + LONGEST)
            if trio.current_time() > end:
                raise JournalFailed(f"others keep writing first: {stale}") from stale
        await trio.sleep(PAUSE)
