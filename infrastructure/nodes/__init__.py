"""Which node looks after what, where several write to one log in PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import trio

from application.nodes import Sole
from infrastructure.journal.postgres.connections import Overdue
from infrastructure.nodes.agreeing import introduced
from infrastructure.nodes.direct import check
from infrastructure.nodes.entering import Way
from infrastructure.nodes.member import Member
from infrastructure.nodes.session import PostgresSession
from infrastructure.settings import Settings


@asynccontextmanager
async def nodes_of(settings: Settings, server_secret: str | None) -> AsyncIterator[Sole | Member]:
    """Once the log is open. `server_secret` is the Document Server's. Raises SettingsError, JournalFailed."""
    if not settings.uses_postgres:
        yield Sole()
        return
    way = Way(settings.database_url, Overdue())
    try:
        await trio.to_thread.run_sync(check, way.url)
        session = await PostgresSession.enter(way, partial(introduced, settings, server_secret))
        member = Member()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(member.run, session)
            try:
                yield member
            finally:
                nursery.cancel_scope.cancel()
    finally:
        way.overdue.close()
