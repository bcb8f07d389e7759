"""Erasing in real databases: the chain fits, the disk forgets, others go on, a kill costs nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.lowlevel
from eventsourcing.persistence import IntegrityError

from application.changes import DocumentChange, FileChange, ReadingChange
from application.journal import StaleWrite
from domain import document as documents
from domain import events
from domain import file as files
from domain.commands import Open
from domain.deciding import decide
from domain.words import Access, Next, Source
from infrastructure.journal import LedgerJournal, seals
from infrastructure.journal.databases import compact, ledger_at
from infrastructure.journal.erasing import MOST, Eraser, Unreadable, of_addresses, of_names, of_person
from tests import databases
from tests.databases import Place
from tests.engines.postgres import Postgres
from tests.story import admit, at, joined, left, offered

ADA, BOB = "ada", "bob"
NAME, FORMER, ADDRESS = "Ada Lovelace", "Ada Byron", "203.0.113.7"
SHARED = events.Shared(at=at(), user=ADA, name=FORMER, access=Access.EDIT, by=BOB)
HISTORY = {"changes": [{"user": {"id": BOB, "name": "Bob"}}, {"user": {"id": ADA, "name": NAME}}]}
SAID = events.Errored(
    at=at(9), source=Source.VERIFICATION, detail=f"{FORMER} is no docx", attempt=1, next=Next.GO_ON
)
LOOKED = events.Consulted(
    at=at(), user=BOB, name="Bob", address="::1", what="timeline", filters="user=Ada+Byron"
)


async def record(journal: LedgerJournal, name: str = "f") -> None:
    """A file of Bob's that both edit; Bob reads the log, and Ada does."""
    added = events.Added(at=at(), name="Plan.docx", owner=BOB, owner_name="Bob")
    file = files.replay([added, SHARED])
    assert file
    await journal.append(FileChange(name, 0, [added, SHARED], file))
    first = replace(admit(ADA, 0), name=NAME, address=ADDRESS)
    command = Open(file=name, name="Plan.docx", filetype="docx", owner=BOB, first=first)
    facts = decide(None, command)
    await journal.append(DocumentChange(f"key of {name}", 0, facts, state(facts), command))
    more = [
        joined(ADA),
        replace(offered(), users=(BOB,), history=HISTORY),
        SAID,
        replace(offered(2), users=(BOB,), history=HISTORY),
    ]
    await journal.append(DocumentChange(f"key of {name}", 2, more, state([*facts, *more])))


async def read(journal: LedgerJournal) -> None:
    await journal.append(ReadingChange(BOB, 0, [LOOKED]))
    own = replace(LOOKED, user=ADA, name=NAME, address=ADDRESS, filters="")
    await journal.append(ReadingChange(ADA, 0, [own]))


def state(facts: Sequence[Any]) -> documents.Document:
    document = documents.replay(facts)
    assert document
    return document


@pytest.fixture
def database(place: Place) -> Place:
    async def fill() -> None:
        async with LedgerJournal.open(place) as journal:
            await record(journal)
            await read(journal)

    trio.run(fill)
    return place


@contextmanager
def erasing(database: Place) -> Iterator[Eraser]:
    with closing(ledger_at(database)) as ledger:
        seconds = count(1000)
        yield Eraser(ledger, "operator", lambda: at(next(seconds)))


def erase(database: Place, user: str = ADA) -> int:
    """How many facts it changed."""
    with erasing(database) as eraser:
        names = eraser.names(user)
        changed = 0
        for erasure in (of_names(user, names), of_person(user)):
            changed += sum(eraser.erase(stream, erasure) for stream in eraser.find(erasure))
        eraser.forget_name(user)
    return changed


def rows(
    database: Place, sql: str = "SELECT * FROM stored_events ORDER BY originator_id, originator_version"
) -> Any:
    return databases.rows(database, sql)


def check_chains(database: Place) -> None:
    """Every link fits, and every text is the recorded one or what the last redaction has left."""
    before: dict[str, bytes] = {}
    left: dict[tuple[str, str], str] = {}
    for row in rows(database):
        stream, number = row["originator_id"], row["originator_version"]
        digest = row["digest"] or seals.digest(row["salt"], row["state"], row["cause"])
        link = seals.link(before.get(stream, seals.START), stream, number, row["topic"], digest)
        assert link == row["link"], f"{stream} {number}"
        before[stream] = link
        if row["topic"] == "Redacted":
            left |= {(stream, told): sha for told, sha in json.loads(row["state"])["left"].items()}
    for row in rows(database):
        sealed = left.get((row["originator_id"], str(row["originator_version"])))
        assert (sealed is None) == (row["digest"] is None) == (row["salt"] is not None)
        assert sealed in {None, seals.what_is_left(row["state"], row["cause"])}


def on_disk(database: Place) -> bytes:
    """All bytes of the database, in SQLite with its write-ahead log and its index."""
    if isinstance(database, Path):
        return b"".join(path.read_bytes() for path in database.parent.glob(f"{database.name}*"))
    folder = "current_setting('data_directory')"
    mine = f"SELECT {folder} || '/base/' || oid FROM pg_database WHERE datname = current_database()"
    databases.execute(database, "CHECKPOINT")
    ((found,),) = rows(database, mine)
    return b"".join(path.read_bytes() for path in Path(found).iterdir())


PERSONAL = (b"Lovelace", b"Byron", ADDRESS.encode())


def test_nothing_but_the_id_is_left_and_the_chain_still_fits(database: Place) -> None:
    salts = {row["salt"] for row in rows(database)}
    assert erase(database) == 7
    check_chains(database)
    texts = b"".join(bytes(row["state"]) + bytes(row["cause"] or b"") for row in rows(database))
    assert not [word for word in PERSONAL if word in texts]
    assert b'"name":"Bob"' in texts
    assert b"somebody is no docx" in texts
    assert b'"filters":"user=somebody"' in texts
    gone = [row for row in rows(database) if row["digest"]]
    assert {row["salt"] for row in gone} == {None}
    assert salts > {row["salt"] for row in rows(database) if row["topic"] != "Redacted"} - {None}
    by = {json.loads(row["state"])["by"] for row in rows(database) if row["topic"] == "Redacted"}
    assert by == {"operator"}


def test_what_is_read_off_the_log_forgets_too(database: Place) -> None:
    erase(database)
    (document,) = rows(database, "SELECT * FROM documents")
    assert json.loads(document["users"]) == {ADA: ""}
    assert document["trouble"] == "somebody is no docx"
    (file,) = rows(database, "SELECT * FROM files")
    assert json.loads(file["shares"]) == {ADA: ["", "edit"]}
    assert file["added_at"] == at().isoformat()
    assert [tuple(row) for row in rows(database, "SELECT * FROM people")] == [(BOB, "Bob")]


async def test_the_rows_are_the_streams_replayed(database: Place) -> None:
    await trio.to_thread.run_sync(erase, database)
    async with LedgerJournal.open(database) as journal:
        row, history = await journal.file("f"), await journal.file_history("f")
        assert row
        assert row.file == files.replay(r.event for r in history)  # type: ignore[misc]
        assert row.version == len(history)
        told = await journal.document("key of f")
        assert told
        assert told.version == len(await journal.document_history("key of f"))


def test_the_files_on_the_disk_forget_after_compacting(database: Place) -> None:
    leave_remains(database)
    assert all(word in on_disk(database) for word in PERSONAL)
    with databases.raw(database) as service:  # it stays open, as that of a running service
        service.execute("SELECT count(*) FROM stored_events").fetchall()
        service.commit()
        erase(database)
        assert b"Lovelace" in on_disk(database)
        facts = [tuple(row) for row in rows(database)]
        assert compact(database) == ""
        assert [tuple(row) for row in rows(database)] == facts, "positions are for ever"
        assert not [word for word in PERSONAL if word in on_disk(database)]
    check_chains(database)


def leave_remains(database: Place) -> None:
    """Where nobody looks: in free space, as a service without secure_delete does, and in statistics."""
    if isinstance(database, str):
        databases.execute(database, "ANALYZE")
        return
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("CREATE TABLE scratch (text)")
        connection.executemany("INSERT INTO scratch VALUES (?)", [(f"{NAME} {ADDRESS}",)] * 100)
        connection.commit()
        connection.execute("DELETE FROM scratch")
    connection.close()


def test_a_reader_of_the_past_holds_the_compacting_back_until_it_is_done(database: Place) -> None:
    with databases.raw(database) as reader:
        if isinstance(database, Path):
            reader.execute("BEGIN")
        reader.execute("SELECT * FROM stored_events").fetchone()
        if isinstance(database, str):  # whose erasing does not wait for readers
            reader.rollback()
        erase(database)
        if isinstance(database, str):
            reader.execute("SELECT * FROM stored_events").fetchone()
        assert "somebody reads what was before" in compact(database, patience=0.1)
        reader.rollback()
        assert compact(database) == ""
    assert not [word for word in PERSONAL if word in on_disk(database)]


def test_who_sees_what_was_before_without_looking_holds_postgres_back_as_well(
    postgres_database: str,
) -> None:
    async def fill() -> None:
        async with LedgerJournal.open(postgres_database) as journal:
            await record(journal)

    trio.run(fill)
    with databases.raw(postgres_database) as dump:
        dump.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        dump.execute("SELECT 1")
        erase(postgres_database)
        assert "in the table stored_events, because" in compact(postgres_database)
        dump.rollback()
        assert compact(postgres_database) == ""
    assert not [word for word in PERSONAL if word in on_disk(postgres_database)]


def test_who_does_not_own_the_statistics_is_told(postgres: Postgres, postgres_database: str) -> None:
    databases.execute(postgres_database, "CREATE ROLE tenant LOGIN; GRANT CREATE ON SCHEMA public TO tenant")
    try:
        url = postgres_database.replace("docledger@", "tenant@")
        with closing(ledger_at(url)):
            pass
        assert re.search("still in the database: .*pg_statistic.* as the user who owns it", compact(url))
    finally:
        databases.execute(postgres_database, "DROP OWNED BY tenant; DROP ROLE tenant")


def test_only_the_write_ahead_log_remembers_when_postgres_has_stopped(
    postgres: Postgres, postgres_database: str
) -> None:
    """What `docledger erase` says of it: it is written over in time."""

    async def fill() -> None:
        async with LedgerJournal.open(postgres_database) as journal:
            await record(journal)

    trio.run(fill)
    leave_remains(postgres_database)
    ((folder,),) = rows(postgres_database, "SHOW data_directory")
    erase(postgres_database)
    assert compact(postgres_database) == ""
    postgres.stop()
    files = [path for path in Path(folder).rglob("*") if path.is_file()]
    remembered = {path.relative_to(folder).parts[0] for path in files if b"Lovelace" in path.read_bytes()}
    assert remembered == {"pg_wal"}


def test_doing_it_again_changes_nothing(database: Place) -> None:
    erase(database)
    once = [tuple(row) for row in rows(database)]
    assert erase(database) == 0
    assert [tuple(row) for row in rows(database)] == once


def test_a_fact_can_be_redacted_for_one_person_after_the_other(database: Place) -> None:
    erase(database)
    first = {row["position"]: bytes(row["digest"]) for row in rows(database) if row["digest"]}
    assert erase(database, BOB) > 0
    check_chains(database)
    assert first.items() <= {row["position"]: row["digest"] for row in rows(database)}.items()
    assert b"Bob" not in b"".join(bytes(row["state"]) for row in rows(database))


def test_old_addresses_go_and_new_ones_stay(database: Place) -> None:
    with erasing(database) as eraser:
        erasure = of_addresses(at(0.5))
        assert not eraser.find(of_addresses(at()))
        found = eraser.find(erasure)
        assert dict(found) == {"document/key of f": 1, "reader/ada": 1, "reader/bob": 1}
        assert sum(eraser.erase(stream, erasure) for stream in found) == 3
        assert not eraser.find(erasure)
    check_chains(database)
    assert ADDRESS.encode() not in b"".join(bytes(row["state"]) for row in rows(database))
    assert NAME.encode() in b"".join(bytes(row["state"]) for row in rows(database))


async def test_whoever_writes_from_what_was_before_is_told_that_it_is_stale(database: Place) -> None:
    async with LedgerJournal.open(database) as journal:
        history = [recorded.event for recorded in await journal.document_history("key of f")]
        row = await journal.file("f")
        assert row
        await trio.to_thread.run_sync(erase, database)
        gone = [left(ADA)]
        with pytest.raises(StaleWrite):
            await journal.append(DocumentChange("key of f", len(history), gone, state([*history, *gone])))
        renamed = events.Renamed(at=at(), name="Other.docx", by=BOB)
        with pytest.raises(StaleWrite):
            await journal.append(
                FileChange("f", row.version, [renamed], replace(row.file, name="Other.docx"))
            )


async def test_streams_that_others_keep_writing_to_are_erased_all_the_same(database: Place) -> None:
    """And the others wait for the database instead of failing: nobody's fact is lost."""
    async with LedgerJournal.open(database) as journal:
        history = [recorded.event for recorded in await journal.document_history("key of f")]
        done = trio.Event()
        written = 0

        async def write() -> None:
            nonlocal written
            while not done.is_set():
                history = [r.event for r in await journal.document_history("key of f")]
                facts = [joined(BOB)]
                try:
                    await journal.append(
                        DocumentChange("key of f", len(history), facts, state([*history, *facts]))
                    )
                    written += 1
                except StaleWrite:
                    pass

        with trio.fail_after(30):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(write)
                while written < 5:
                    await trio.lowlevel.checkpoint()
                assert await trio.to_thread.run_sync(erase, database) == 7
                done.set()
        now = [r.event for r in await journal.document_history("key of f")]
    assert len([fact for fact in now if fact == joined(BOB)]) == written
    assert len(now) == len(history) + written + 2
    check_chains(database)


def test_a_stream_that_is_never_quiet_is_given_up(database: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def overtaken(*_: Any) -> None:
        raise IntegrityError("somebody was quicker")

    with closing(ledger_at(database)) as ledger:
        monkeypatch.setattr(ledger, "record", overtaken)
        with pytest.raises(IntegrityError):
            Eraser(ledger, "operator", at).erase("document/key of f", of_person(ADA))


def test_a_long_stream_is_erased_in_several_transactions(database: Place) -> None:
    async def fill() -> None:
        looked = replace(LOOKED, user=ADA, name=NAME, filters="")
        async with LedgerJournal.open(database) as journal:
            await journal.append(ReadingChange(ADA, 1, [looked] * (2 * MOST)))

    trio.run(fill)
    assert erase(database) == 7 + 2 * MOST
    redacted = rows(
        database,
        "SELECT * FROM stored_events WHERE topic='Redacted' AND originator_id='reader/ada' ORDER BY position",
    )
    assert [len(json.loads(row["state"])["left"]) for row in redacted] == [MOST, MOST, 1]
    check_chains(database)


def damage(database: Place, text: bytes) -> None:
    """In the document's stream."""
    databases.execute(database, "UPDATE stored_events SET state = ? WHERE topic = 'Joined'", (text,))


@pytest.mark.parametrize("text", [b"{", b'"ada"', b'{"user":"ada"}', b"\xff"])
def test_a_damaged_stream_is_named_and_the_others_are_erased(database: Place, text: bytes) -> None:
    damage(database, text)
    with erasing(database) as eraser:
        for stream in eraser.find(of_person(ADA)):
            if stream == "document/key of f":
                with pytest.raises(Unreadable, match="key of f"):
                    eraser.erase(stream, of_person(ADA))
            else:
                eraser.erase(stream, of_person(ADA))
        assert set(eraser.find(of_person(ADA))) == {"document/key of f"}
        assert eraser.names(ADA) == {NAME}


def test_what_was_changed_after_a_redaction_is_never_sealed_by_the_next_one(database: Place) -> None:
    erase(database)
    databases.replace(database, "Bob", "Mallory", "SaveOffered")
    once = [tuple(row) for row in rows(database)]
    with erasing(database) as eraser, pytest.raises(Unreadable, match="was changed after"):
        eraser.erase("document/key of f", of_person(BOB))
    assert [tuple(row) for row in rows(database)] == once


ERASER = """
    import sys
    from pathlib import Path
    from tests.infrastructure.test_erasing import ADA, erasing, of_names, of_person

    place = sys.argv[1]
    with erasing(place if "://" in place else Path(place)) as eraser:
        for erasure in (of_names(ADA, eraser.names(ADA)), of_person(ADA)):
            for stream in eraser.find(erasure):
                print(stream, flush=True)
                sys.stdin.readline()
                eraser.erase(stream, erasure)
"""


def test_killed_midway_it_leaves_a_whole_log_and_can_be_begun_again(place: Place) -> None:
    database = place

    async def fill() -> None:
        async with LedgerJournal.open(database) as journal, trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(record, journal, f"f{number}")

    trio.run(fill)
    eraser = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(ERASER), str(database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent.parent,
    )
    assert eraser.stdin
    assert eraser.stdout
    for _ in range(30):  # the twenty in which others name the person, and some of the person's own
        assert eraser.stdout.readline()
        eraser.stdin.write("\n")
        eraser.stdin.flush()
    os.kill(eraser.pid, signal.SIGKILL)  # in the middle of the thirtieth, more or less
    eraser.communicate()
    assert sum(row["topic"] == "Redacted" for row in rows(database)) in {29, 30}
    check_chains(database)
    assert erase(database) > 0
    check_chains(database)
    assert compact(database) == ""
    assert not [word for word in PERSONAL if word in on_disk(database)]
