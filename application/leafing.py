"""The log from one position to another, a page at a time, also past what cannot be read."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from application.journal import Damaged, Journal, Query, Recorded

logger = logging.getLogger(__name__)


async def leaf(
    journal: Journal, query: Query, after: int, upto: int, size: int
) -> tuple[Sequence[Recorded], int]:
    """The next facts that can be read, and the position up to which there are no others.

    Raises JournalFailed.
    """
    try:
        facts = await journal.facts(query, after=after, before=upto + 1, limit=size)
    except Damaged as damage:
        if upto - after > 1:
            return await leaf(journal, query, after, (after + upto) // 2, size)
        logger.error("fact %d cannot be read and is left out: %r", upto, damage)
        return [], upto
    return facts, facts[-1].position if len(facts) == size else upto
