"""Hearing at once what other nodes have recorded; whoever waits for news looks by themselves as well."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
import trio
from psycopg import Connection

from infrastructure.journal.postgres.connections import told
from infrastructure.journal.postgres.tables import CHANNEL

logger = logging.getLogger(__name__)

AGAIN = 1.0  # seconds until the next attempt to listen


async def listen(url: str, tell: Callable[[], None]) -> None:
    """For ever; `tell` is called when somebody may have recorded something."""
    while True:
        try:
            connection = await trio.to_thread.run_sync(partial(_connected, url))
            with connection:
                tell()  # what was said before we listened
                await _hear(connection, tell)
        except (psycopg.Error, OSError) as trouble:
            logger.debug("news is looked for, not heard: %s", trouble)
        await trio.sleep(AGAIN)


async def _hear(connection: Connection[Any], tell: Callable[[], None]) -> None:
    line = connection.pgconn
    while True:
        await trio.lowlevel.wait_readable(connection.fileno())
        line.consume_input()
        heard = False
        while line.notifies() is not None:
            heard = True
        if heard:
            tell()


def _connected(url: str) -> Connection[Any]:
    connection = psycopg.connect(**told(url), autocommit=True)
    connection.execute(f"LISTEN {CHANNEL}")
    return connection
