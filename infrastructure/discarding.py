"""The end of deleting: bytes that were laid aside are destroyed only if nobody wants them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio


async def wanted_after_all(
    referenced: Callable[[], Awaitable[bool]], give_back: Callable[[], Awaitable[object]]
) -> bool:
    """Given back if they are, and also when that cannot be found out."""
    wanted = True
    try:
        wanted = await referenced()
    finally:
        if wanted:
            with trio.CancelScope(shield=True):
                await give_back()
    return wanted
