"""The running service's checkpoints: one every so often while the log grows, and one at the end."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import trio

from application.journal import JournalFailed
from application.nodes import SOLE, Nodes, leads, while_leading
from infrastructure.journal.checkpoints import Sign
from infrastructure.journal.journal import LedgerJournal
from infrastructure.settings import SettingsError

logger = logging.getLogger(__name__)

LAST = 5.0  # seconds that the one at the end may take


@asynccontextmanager
async def checkpointing(
    journal: LedgerJournal, sign: Sign, seconds: float, now: Callable[[], datetime], nodes: Nodes = SOLE
) -> AsyncIterator[None]:
    """By the one node that leads."""

    async def run() -> None:
        while True:
            await _catch_up(journal, sign, now)
            await trio.sleep(seconds)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(while_leading, nodes, run)
        yield
        nursery.cancel_scope.cancel()
    if leads(nodes):
        with trio.move_on_after(LAST):
            await _catch_up(journal, sign, now)


async def _catch_up(journal: LedgerJournal, sign: Sign, now: Callable[[], datetime]) -> None:
    """What is logged here and kept elsewhere vouches for the log even against whoever has the key."""
    full = True
    while full:
        try:
            signed = await journal.checkpoint(sign, now())
        except (JournalFailed, SettingsError) as trouble:
            logger.error("no checkpoint can be made: %s", trouble)
            return
        if signed is not None:
            logger.info("checkpoint %d:%s is signed", signed.to, signed.hash)
        full = signed is not None and signed.full
