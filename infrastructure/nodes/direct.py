"""Whether the way to PostgreSQL is one that advisory locks can be held by."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import Connection

from infrastructure.journal.postgres.connections import told
from infrastructure.nodes.entering import plainly
from infrastructure.settings import PREFIX, SettingsError

OLDEST = 14  # the first that ends sessions which say nothing
POOLED = (
    f"{PREFIX}DATABASE_URL leads to a pooler that shares one session out to many, and no locks can be held by"
    " that: give the address of PostgreSQL itself. Docledger has a small pool of its own."
)


def check(url: str) -> None:
    """Two connections at once must have two sessions, and keep them. Raises SettingsError, Lost."""
    with plainly(), psycopg.connect(**told(url), autocommit=True) as one:
        if one.info.server_version < OLDEST * 10_000:
            raise SettingsError(f"{PREFIX}DATABASE_URL: PostgreSQL {OLDEST} or newer is needed")
        with psycopg.connect(**told(url)) as other:  # in a transaction, which keeps its session to itself
            before, others, after = (_session(each) for each in (one, other, one))
    if before != after or before == others:
        raise SettingsError(POOLED)


def _session(connection: Connection[Any]) -> int:
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    assert row
    return int(row[0])
