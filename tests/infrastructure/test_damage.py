"""A database that is damaged, held by somebody, or taken away: never a traceback, and the rest is checked."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from infrastructure.evidence import CannotCheck, Kind, in_postgres, in_sqlite
from infrastructure.journal import LedgerJournal
from tests.databases import Place, rows
from tests.engines.postgres import Postgres
from tests.infrastructure import ledgers
from tests.infrastructure.ledgers import KEY, Writer, checked
from tests.story import at, joined, opened

MANY = 600  # sessions: more facts than are read at once


@pytest.fixture(scope="module")
def covered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("file") / "ledger.db"
    ledgers.make(path)
    return path


async def large(place: Place, sessions: int = 200) -> None:
    """The first facts of all sessions, then the second ones: far from each other in the file."""
    async with LedgerJournal.open(place) as journal:
        writer = Writer(journal)
        openings = [replace(opened(), file=f"f{number}") for number in range(sessions)]
        await journal.append(*(writer.document(f"k{fact.file}", fact) for fact in openings))
        await journal.append(*(writer.document(f"k{fact.file}", joined()) for fact in openings))
        await journal.checkpoint(KEY.sign, at())


def named_as_damaged(place: Place, *, most: int) -> None:
    """Those facts that cannot be read, and no others."""
    report = checked(place)
    damaged = [finding for finding in report.findings if finding.stream]
    assert {finding.kind for finding in damaged} == {Kind.DAMAGED}
    assert 1 <= len(damaged) <= most
    assert report.facts + len(damaged) == 400
    assert all(finding.stream == f"document/kf{((finding.position or 0) - 1) % 200}" for finding in damaged)


def spoil(file: Path, words: bytes, page: int) -> None:
    """The page that these words are on."""
    content = bytearray(file.read_bytes())
    start = content.index(words) // page * page
    content[start : start + page] = b"\xff" * page
    file.write_bytes(content)


async def test_facts_on_a_damaged_page_are_named_and_the_others_checked(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    await large(path)
    spoil(path, b'"file":"f100"', 4096)
    named_as_damaged(path, most=30)


async def test_facts_on_a_damaged_page_of_postgres_are_named_and_the_others_checked(
    postgres: Postgres, postgres_database: str
) -> None:
    await large(postgres_database)
    where = "SELECT current_setting('data_directory'), pg_relation_filepath('stored_events')"
    ((folder, file),) = rows(postgres_database, where)
    postgres.stop()
    spoil(Path(folder, file), b'"file":"f100"', 8192)
    postgres.start()
    named_as_damaged(postgres_database, most=60)


async def test_a_database_that_somebody_holds_cannot_be_checked_now(
    covered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_sqlite, "PATIENCE", 0.05)
    path = ledgers.copied(covered)
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("PRAGMA journal_mode = DELETE")
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(CannotCheck, match="cannot be read now: database is locked"):
            checked(path)


async def test_a_table_that_somebody_holds_cannot_be_checked_now(
    postgres_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_postgres, "LONGEST", 0.5)
    await large(postgres_database, 1)
    with psycopg.connect(postgres_database) as holder:
        holder.execute("LOCK TABLE stored_events")
        with pytest.raises(CannotCheck, match="cannot be read now: canceling statement due to lock timeout"):
            checked(postgres_database)


async def test_a_server_that_falls_silent_in_the_midst_is_hung_up_on(
    postgres: Postgres, postgres_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_postgres, "LONGEST", 0.5)
    await large(postgres_database, MANY)
    with pytest.raises(CannotCheck, match=r"no answer within 0\.5 s"):
        checked(postgres_database, progress=lambda *_: postgres.pause())


async def test_a_server_that_goes_away_in_the_midst_is_no_finding(
    postgres: Postgres, postgres_database: str
) -> None:
    await large(postgres_database, MANY)
    with pytest.raises(CannotCheck, match="cannot be read now"):
        checked(postgres_database, progress=lambda *_: postgres.stop("immediate"))


@pytest.mark.parametrize("left", [0, 100, 4096, 9000, 40960])
def test_a_file_cut_short_is_no_traceback(covered: Path, left: int) -> None:
    path = ledgers.copied(covered)
    path.write_bytes(path.read_bytes()[:left])
    if left == 0:
        with pytest.raises(CannotCheck, match="holds no log"):
            checked(path)
    else:
        assert [finding.kind for finding in checked(path).findings] == [Kind.DAMAGED]


def test_a_check_writes_nothing(covered: Path) -> None:
    path = ledgers.copied(covered)
    before = path.read_bytes()
    assert checked(path).findings == []
    assert path.read_bytes() == before
    wal = path.with_name(f"{path.name}-wal")
    assert not wal.exists() or wal.stat().st_size == 0
