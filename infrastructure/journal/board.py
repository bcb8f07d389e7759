"""What the doctor's probes have met on other nodes, left in the database that all of them have."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from application.journal import JournalFailed
from infrastructure.journal.journal import LedgerJournal

logger = logging.getLogger(__name__)

LONGEST = timedelta(hours=1)  # of an examination that nobody has ended
PUT_UP = "INSERT INTO probes VALUES (?, ?, '{}') ON CONFLICT DO NOTHING"
TAKE_DOWN = "DELETE FROM probes WHERE nonce = ? OR at < ?"
WORD = "SELECT said FROM probes WHERE nonce = ?"
SAY = "UPDATE probes SET said = ? WHERE nonce = ?"


class LedgerBoard:
    def __init__(self, journal: LedgerJournal, now: Callable[[], datetime]) -> None:
        self._journal = journal
        self._now = now

    async def put_up(self, nonce: str) -> None:
        row = (nonce, self._now().isoformat())
        with self._in_vain():
            await self._journal.note(lambda cursor: cursor.execute(PUT_UP, row))

    async def take_down(self, nonce: str) -> None:
        values = (nonce, (self._now() - LONGEST).isoformat())
        with self._in_vain():
            await self._journal.note(lambda cursor: cursor.execute(TAKE_DOWN, values))

    async def leave_word(self, nonce: str, said: Mapping[str, Any]) -> bool:
        with self._in_vain():
            if not await self._said(nonce):  # whoever guesses must not keep the writers waiting
                return False
            return await self._journal.note(lambda cursor: _say(cursor, nonce, said))
        return False

    async def word(self, nonce: str) -> Mapping[str, Any]:
        with self._in_vain():
            texts = await self._said(nonce)
            said: Mapping[str, Any] = json.loads(texts[0]) if texts else {}
            return said
        return {}

    async def _said(self, nonce: str) -> list[str]:
        return await self._journal.noted(WORD, (nonce,), itemgetter(0))

    @contextmanager
    def _in_vain(self) -> Iterator[None]:
        """The doctor must also find something out while the database fails."""
        try:
            yield
        except JournalFailed as trouble:
            logger.warning("other nodes are not heard about probes: %s", trouble)


def _say(cursor: Any, nonce: str, said: Mapping[str, Any]) -> bool:
    cursor.execute(WORD, (nonce,))
    row = cursor.fetchone()
    if row is not None:
        cursor.execute(SAY, (json.dumps({**json.loads(row[0]), **said}), nonce))
    return row is not None
