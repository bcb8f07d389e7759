"""A log that is copied to another engine is there what it was here, however often it was interrupted."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import textwrap
from contextlib import closing, suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trio
from eventsourcing.persistence import PersistenceError

from infrastructure.journal import LedgerJournal
from infrastructure.journal.databases import ledger_at
from infrastructure.journal.postgres.tables import TABLES as POSTGRES_TABLES
from infrastructure.journal.sqlite.tables import TABLES as SQLITE_TABLES
from infrastructure.migrating import copying, tables
from infrastructure.migrating.copies import copy_at
from infrastructure.migrating.logs import CannotCopy
from infrastructure.migrating.migration import Outcome
from infrastructure.migrating.postgres_copy import PostgresCopy
from infrastructure.migrating.sqlite_copy import SqliteCopy
from tests.databases import Place, execute, raw, rows
from tests.engines.postgres import Postgres
from tests.infrastructure.ledgers import make
from tests.infrastructure.migrating import grow, moved, moved_beside, same, whole
from tests.infrastructure.test_erasing import ADA, BOB, NAME, erase, record

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.db"
    make(path)
    return path


@pytest.fixture
def target(place: Place) -> Place:
    """A file that is not there yet, or an empty database."""
    return place


def draft(target: Place) -> Place:
    """Where a copy is until it is released."""
    return target.with_name(f"{target.name}.copying") if isinstance(target, Path) else target


@pytest.mark.parametrize("statements", [SQLITE_TABLES, POSTGRES_TABLES])
def test_every_table_and_every_column_is_copied(statements: tuple[str, ...]) -> None:
    made = {}
    for statement in statements:
        if found := re.match(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+) \((.*)\)", statement, re.DOTALL):
            plain = re.sub(r"--.*|GENERATED ALWAYS AS \(.*\)|COLLATE \"C\"", "", found[2])
            parts = re.split(r",\s*(?![^(]*\))", plain)
            columns = {
                part.split()[0].strip('"') for part in parts if part.split()[0] not in {"PRIMARY", "UNIQUE"}
            }
            made[found[1]] = columns - {"shard"}
    for beside_the_log in ("nodes", "probes"):  # of those that run now
        made.pop(beside_the_log, None)
    assert made == {table.name: set(table.columns) for table in tables.ALL}


def test_it_is_the_same_there_and_can_be_gone_on_with(source: Path, target: Place) -> None:
    outcome = moved(source, target)
    assert outcome.finished
    assert outcome.events == outcome.last == rows(source, "SELECT max(position) FROM stored_events")[0][0]
    same(source, target)
    whole(target, signed=True)
    before = outcome.last

    async def go_on() -> None:
        async with LedgerJournal.open(target) as journal:
            await record(journal, "new")
            assert await journal.position() == before + 8

    trio.run(go_on)
    whole(target, signed=True)


@pytest.mark.scale
def test_it_comes_back_from_postgres_as_it_was(source: Path, postgres_database: str, tmp_path: Path) -> None:
    moved(source, postgres_database)
    assert moved(postgres_database, tmp_path / "back.db").finished
    same(source, tmp_path / "back.db")
    whole(tmp_path / "back.db", signed=True)
    assert not (tmp_path / "back.db.copying").exists()
    grow(tmp_path / "back.db", "new")


def test_the_source_is_not_changed(source: Path, target: Place) -> None:
    before = source.read_bytes()
    moved(source, target)
    assert source.read_bytes() == before


def test_while_others_have_it_open_no_service_starts_on_the_copy(source: Path, target: Place) -> None:
    async def run() -> None:
        async with LedgerJournal.open(source) as journal:
            for name in ("one", "two", "three"):
                await record(journal, name)
                outcome = await trio.to_thread.run_sync(moved, source, target)
                assert (outcome.blessed, outcome.finished) == (True, False)
                same(source, draft(target))
            await record(journal, "last")

    trio.run(run)
    if isinstance(target, str):
        with pytest.raises(PersistenceError, match="has not finished"):
            ledger_at(target)
    else:
        assert not target.exists()
    outcome = moved(source, target)
    assert (outcome.events, outcome.finished) == (8, True)
    same(source, target)
    whole(target, signed=True)
    ledger_at(target).close()


def test_what_was_erased_after_it_was_copied_is_erased_in_the_copy(tmp_path: Path, target: Place) -> None:
    source = tmp_path / "source.db"
    grow(source, "one", "two")

    assert moved_beside(source, target).blessed
    assert erase(source, ADA) > 5
    grow(source, "three")
    assert erase(source, BOB) > 5
    assert moved(source, target).finished
    same(source, target)
    whole(target)
    texts = b"".join(bytes(state) for (state,) in rows(target, "SELECT state FROM stored_events"))
    assert NAME.encode() not in texts[: texts.index(b"three")]


def test_a_sqlite_copy_forgets_on_its_disk_what_was_erased(tmp_path: Path) -> None:
    source, target = tmp_path / "source.db", tmp_path / "target.db"
    grow(source, *(f"file{number}" for number in range(20)))

    assert moved_beside(source, target).blessed
    erase(source, ADA)
    assert moved(source, target).finished
    assert NAME.encode() not in target.read_bytes()


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("seed", range(4))
def test_it_is_interrupted_again_and_again_while_the_log_grows_and_is_erased(
    tmp_path: Path, target: Place, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance, left = Random(seed), [0]
    monkeypatch.setattr(copying, "BATCH", 7)

    def mortal(original: Any) -> Any:
        def instead(*given: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise Interrupted
            return original(*given)

        return instead

    for kind in (SqliteCopy, PostgresCopy):
        for name in ("insert", "run", "transaction", "mark", "note", "opened"):
            if hasattr(kind, name):
                monkeypatch.setattr(kind, name, mortal(getattr(kind, name)))
    source = tmp_path / "source.db"
    grow(source, "first")
    outcomes: list[Outcome] = []
    for round_ in range(12):
        for _ in range(chance.randrange(3)):
            grow(source, *(f"{round_}-{chance.random()}" for _ in range(chance.randrange(4))))
        if chance.random() < 0.3:
            erase(source, chance.choice([ADA, BOB]))
        left[0] = chance.randrange(1, 120)
        with suppress(Interrupted):
            outcomes.append(moved_beside(source, target))
    assert len(outcomes) < 12
    left[0] = 0
    assert moved(source, target).finished
    same(source, target)
    whole(target)


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from infrastructure.migrating import copying
    from infrastructure.migrating.sqlite_copy import SqliteCopy
    from infrastructure.migrating.postgres_copy import PostgresCopy
    from tests.infrastructure.migrating import moved

    copying.BATCH = 5
    left = [int(sys.argv[3])]

    def deadly(original):
        def instead(*arguments):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*arguments)
        return instead

    for kind in (SqliteCopy, PostgresCopy):
        for name in ("insert", "run", "transaction", "mark", "note", "release"):
            setattr(kind, name, deadly(getattr(kind, name)))
    target = sys.argv[2]
    moved(Path(sys.argv[1]), target if "://" in target else Path(target))
"""


def test_killed_at_any_moment_it_is_gone_on_with(source: Path, target: Place) -> None:
    chance = Random(str(target)[:5])
    for _ in range(6):
        command = [
            sys.executable,
            "-c",
            textwrap.dedent(KILLED),
            source,
            str(target),
            str(chance.randrange(2, 30)),
        ]
        done = subprocess.run(command, cwd=ROOT, check=False, timeout=60, capture_output=True, text=True)
        assert done.returncode in {-signal.SIGKILL, 0}, done.stderr
        if done.returncode == 0:
            break
    if done.returncode:
        assert moved(source, target).finished
    same(source, target)
    whole(target, signed=True)


@pytest.mark.scale
def test_a_target_that_goes_away_is_gone_on_with_when_it_is_back(
    source: Path, postgres: Postgres, postgres_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "BATCH", 5)
    insert, calls = PostgresCopy.insert, iter(range(1000))

    def cut(*given: Any) -> None:
        if next(calls) == 3:
            postgres.kill()
        insert(*given)

    monkeypatch.setattr(PostgresCopy, "insert", cut)
    with pytest.raises(CannotCopy, match=r"cannot be written to.*run this again"):
        moved(source, postgres_database)
    postgres.start()
    assert moved(source, postgres_database).finished
    same(source, postgres_database)


@pytest.mark.scale
def test_a_target_that_stands_still_is_given_up(
    source: Path, postgres: Postgres, postgres_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.migrating.postgres_copy.SLOW", 1.0)
    insert = PostgresCopy.insert

    def paused(*given: Any) -> None:
        postgres.pause()
        insert(*given)

    monkeypatch.setattr(PostgresCopy, "insert", paused)
    with pytest.raises(CannotCopy, match="cannot be written to"):
        moved(source, postgres_database)
    postgres.resume()
    monkeypatch.setattr(PostgresCopy, "insert", insert)
    assert moved(source, postgres_database).finished
    same(source, postgres_database)


def test_only_an_empty_place_or_the_beginning_of_this_log_is_copied_to(
    source: Path, place: Place, tmp_path: Path
) -> None:
    other = tmp_path / "other.db"
    grow(other, "another")
    with raw(other) as database:
        last = database.execute("SELECT max(position) FROM stored_events").fetchone()[0]

    moved_beside(other, place)
    before = [*map(tuple, rows(draft(place), "SELECT * FROM stored_events ORDER BY position"))]
    with pytest.raises(CannotCopy, match="another log"):
        moved(source, place)
    execute(other, "DELETE FROM stored_events WHERE position = ?", (last,))
    with pytest.raises(CannotCopy, match=f"goes on to event {last}.*in use"):
        moved(other, place)
    execute(draft(place), "DELETE FROM stored_events WHERE position = ?", (last,))
    execute(draft(place), "UPDATE stored_events SET link = ? WHERE position = ?", (b"x", last - 1))
    with pytest.raises(CannotCopy, match="its own way"):
        moved(other, place)
    after = [*map(tuple, rows(draft(place), "SELECT * FROM stored_events ORDER BY position"))]
    assert after[: last - 2] == before[: last - 2]


def test_a_source_that_was_tampered_with_is_copied_and_not_blessed(source: Path, target: Place) -> None:
    execute(source, "UPDATE stored_events SET state = ? WHERE position = 3", (b'{"forged": 1}',))
    outcome = moved(source, target)
    assert (outcome.blessed, outcome.finished, outcome.findings.differing) == (False, False, [])
    assert "position 3: changed" in outcome.findings.inherited[0]
    if isinstance(target, str):
        with pytest.raises(PersistenceError, match="has not finished"):
            ledger_at(target)
    assert moved(source, target, as_it_is=True).finished
    same(source, target)


def test_a_fact_that_was_taken_off_the_end_is_missed(source: Path, target: Place) -> None:
    last = rows(source, "SELECT max(position) FROM stored_events")[0][0]
    execute(source, "DELETE FROM stored_events WHERE position = ?", (last,))
    execute(source, "DELETE FROM checkpoints WHERE position = ?", (last,))
    assert any(f"no fact stands at {last}" in found for found in moved(source, target).findings.inherited)


def test_what_was_changed_since_an_earlier_run_differs_from_what_was_copied(
    source: Path, target: Place
) -> None:
    execute(source, "UPDATE stored_events SET state = ? WHERE position = 3", (b'{"forged": 1}',))
    assert not moved(source, target).blessed
    execute(source, "UPDATE stored_events SET state = ? WHERE position = 3", (b'{"forged": 2}',))
    outcome = moved(source, target, as_it_is=True)
    assert outcome.findings.differing == ["stored_events 3: the copy has another."]
    assert not outcome.blessed


def test_what_is_changed_after_it_was_proven_never_reaches_the_copy(source: Path, target: Place) -> None:
    assert moved_beside(source, target).blessed
    original = rows(source, "SELECT state FROM stored_events WHERE position = 3")[0][0]
    execute(source, "UPDATE stored_events SET state = ? WHERE position = 3", (b'{"forged": 1}',))
    assert moved(source, target).finished
    assert bytes(rows(target, "SELECT state FROM stored_events WHERE position = 3")[0][0]) == original
    whole(target, signed=True)


def test_a_forged_end_is_found_without_proving_the_beginning_again(source: Path, target: Place) -> None:
    assert moved_beside(source, target).blessed
    last = rows(source, "SELECT max(position) FROM stored_events")[0][0]
    grow(source, "more")
    execute(source, "UPDATE stored_events SET state = ? WHERE position = ?", (b'{"forged": 1}', last + 2))
    execute(source, "DELETE FROM stored_events WHERE position = ?", (last + 4,))
    found = moved(source, target).findings
    assert any(f"position {last + 2}: changed" in told for told in found.inherited)
    assert any(f"no fact stands at {last + 4}" in told for told in found.inherited)
    assert found.differing == []


def test_rows_that_differ_in_the_copy_are_replaced(source: Path, target: Place) -> None:
    assert moved_beside(source, target).blessed
    execute(draft(target), "UPDATE people SET name = 'Mallory'")
    execute(draft(target), "DELETE FROM thinned")
    execute(draft(target), "INSERT INTO receivers VALUES ('http://nobody', 1, NULL, 0, '')")
    execute(draft(target), "UPDATE versions SET users = 'x' WHERE number = 2")
    assert moved(source, target, anew=True).finished
    same(source, target)


@pytest.mark.scale
def test_a_service_that_uses_the_target_is_not_written_into(source: Path, postgres_database: str) -> None:
    with closing(ledger_at(postgres_database)), pytest.raises(CannotCopy, match="Others have"):
        moved(source, postgres_database)


@pytest.mark.scale
def test_two_at_once_are_refused(source: Path, postgres_database: str) -> None:
    with copy_at(postgres_database), pytest.raises(CannotCopy, match="is under way"):
        moved(source, postgres_database)


def test_a_file_that_is_there_is_left_alone(source: Path, tmp_path: Path) -> None:
    (tmp_path / "there.db").write_text("mine")
    with pytest.raises(CannotCopy, match="is not there"):
        moved(source, tmp_path / "there.db")
    assert (tmp_path / "there.db").read_text() == "mine"


def test_a_disk_that_is_full_is_gone_on_with_when_there_is_room(source: Path, tmp_path: Path) -> None:
    """A limit on the size of files."""
    script = """
        import resource, sys
        from pathlib import Path
        from tests.infrastructure.migrating import moved
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
        moved(Path(sys.argv[1]), Path(sys.argv[2]))
    """
    target = tmp_path / "target.db"
    command = [sys.executable, "-c", textwrap.dedent(script), source, target]
    done = subprocess.run(command, cwd=ROOT, check=False, timeout=60, capture_output=True, text=True)
    assert done.returncode == 1
    assert "disk" in done.stderr
    assert moved(source, target).finished
    same(source, target)


@pytest.mark.parametrize(
    ("tampering", "told"),
    [
        ("UPDATE stored_events SET state = 'text' WHERE position = 3", "cannot hold what is in the source"),
        ("UPDATE files SET id = NULL", "cannot hold what is in the source"),
        ("UPDATE files SET id = NULL", "is no key for a row"),
    ],
)
@pytest.mark.scale
def test_what_postgres_cannot_hold_is_said(
    source: Path, postgres_database: str, tampering: str, told: str
) -> None:
    if "no key" in told:
        moved_beside(source, postgres_database)
    execute(source, tampering)
    with pytest.raises(CannotCopy, match=told):
        moved(source, postgres_database, anew=True)


def test_texts_with_a_nul_are_copied_as_postgres_can_hold_them(tmp_path: Path, target: Place) -> None:
    source = tmp_path / "source.db"
    grow(source, "one")
    execute(source, "UPDATE people SET name = ? WHERE id = ?", ("A\0da", ADA))
    assert moved(source, target).finished
    assert rows(target, f"SELECT name FROM people WHERE id = '{ADA}'")[0][0] == "A\ufffdda"
