"""One auditor's many questions, each asked of whichever node the balancer picks."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest
import trio

from application.audit import Audit, Reader
from application.journal import Query
from application.people import AUDITOR, Person
from infrastructure.journal import LedgerJournal

pytestmark = pytest.mark.scale

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
EVE = Reader(Person("eve", "Eve", AUDITOR), "::1")
NODES, QUESTIONS = 3, 50  # to each node


async def test_all_of_them_are_recorded_and_none_is_refused(postgres_database: str) -> None:
    async with AsyncExitStack() as stack:
        nodes = [await stack.enter_async_context(LedgerJournal.open(postgres_database)) for _ in range(NODES)]
        async with trio.open_nursery() as nursery:
            for number, journal in enumerate(nodes):
                audit = Audit(journal, lambda: NOW)
                view = await audit.everything(EVE)
                for question in range(QUESTIONS):
                    nursery.start_soon(audit.consult, view, Query(key=f"{number}-{question}"))
        assert await nodes[0].reading_version("eve") == NODES * QUESTIONS
