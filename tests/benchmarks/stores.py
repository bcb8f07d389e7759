"""The databases that a log can be in, empty, for those who compare them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from tests.engines.postgres import Postgres, postgres_folder, postgres_server

SQLITE, POSTGRES = ENGINES = ("sqlite", "postgres")


@contextmanager
def postgres() -> Iterator[Postgres]:
    """As durable as Debian's is, with the memory that a small server is given."""
    programs = postgres_folder()
    if programs is None:
        raise click.ClickException("No PostgreSQL here (Debian: apt install postgresql).")
    with postgres_server(programs, shared_buffers="256MB", max_wal_size="2GB") as server:
        yield server


@contextmanager
def stores(folder: Path, engines: tuple[str, ...]) -> Iterator[dict[str, Path | str]]:
    """What to give to LedgerJournal.open, by engine."""
    places: dict[str, Path | str] = {SQLITE: folder / "docledger.db"} if SQLITE in engines else {}
    if POSTGRES not in engines:
        yield places
        return
    with postgres() as server:
        yield places | {POSTGRES: server.create_database()}
