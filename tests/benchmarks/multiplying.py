"""A log many times over, in SQL: what takes the domain hours to decide takes minutes to copy.

Every file, its sessions and all of their facts get copies with ids of their own, and every copied fact comes
after all that were there. Chains are copied as they are, so the copies prove nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click

from infrastructure.journal.events_table import COLUMNS
from infrastructure.journal.sqlite import tables

COPIED = "files", "visible", "versions", "documents", "stored_events", "named"
FILE, KEY = 26, 27  # characters of a file's id, and before it in a key (domain.keys)
AT_ONCE = 50_000  # facts, in a transaction


def _file(column: str) -> str:
    """Its id in copy number :n; all begin with a time, and with enough of what is random."""
    return f"substr({column}, 1, {FILE - 6}) || printf('%06d', :n)"


def _key(column: str) -> str:
    file = _file(f"substr({column}, {KEY + 1}, {FILE})")
    return f"substr({column}, 1, {KEY}) || {file} || substr({column}, {KEY + FILE + 1})"


STREAM = f"""CASE substr(originator_id, 1, 5)
    WHEN 'file/' THEN 'file/' || {_file("substr(originator_id, 6)")}
    WHEN 'docum' THEN 'document/' || {_key("substr(originator_id, 10)")}
    ELSE originator_id || '/' || :n END"""
FACTS = COLUMNS.replace("originator_id", STREAM).replace("file_id", _file("file_id"))
COPY = (
    f"""INSERT INTO stored_events (position, {COLUMNS})
        SELECT position + :n * :last, {FACTS} FROM one.stored_events""",
    'INSERT INTO named SELECT "user", position + :n * :last FROM one.named',
    f"""INSERT INTO files SELECT {_file("id")}, version, added_at, name, owner, owner_name, head, last,
        sha256, size, changed_at, shares, removed FROM one.files""",
    f'INSERT INTO visible SELECT "user", {_file("file_id")} FROM one.visible',
    f"""INSERT INTO versions SELECT {_file("file_id")}, number, sha256, size, "trigger", created, head, users,
        {_key("key")}, filetype, restored, changes_sha256, forms_sha256, converted_from, from_file,
        from_version FROM one.versions""",
    f"""INSERT INTO documents SELECT {_key("key")}, version, {_file("file_id")}, state, standing, base, head,
        opened_at, closed_at, closed_reason, users, saved_version, saved_at, trouble FROM one.documents""",
)


def multiply(database: Path, times: int) -> None:
    """Nobody has it open, and nothing is open in it."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        assert not connection.execute("SELECT 1 FROM live").fetchone(), "there is something open"
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -500000"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("ATTACH ':memory:' AS one")
        for table in COPIED:
            connection.execute(f"CREATE TABLE one.{table} AS SELECT * FROM main.{table}")
        last = connection.execute("SELECT max(position) FROM one.stored_events").fetchone()[0]
        for numbers in _some(times, max(1, AT_ONCE // last)):
            connection.execute("BEGIN")
            for number in numbers:
                for statement in COPY:
                    connection.execute(statement, {"n": number, "last": last})
            connection.execute("COMMIT")
        connection.execute("DELETE FROM spans")
        connection.execute(tables.SPAN_ALL)
        connection.execute("PRAGMA journal_mode = WAL")


def _some(times: int, at_once: int) -> Iterator[range]:
    with click.progressbar(range(1, times, at_once), label=f"{times} times") as firsts:
        for first in firsts:
            yield range(first, min(first + at_once, times))
