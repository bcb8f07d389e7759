"""What the measurements go by: figures made few, requests told apart, commands counted, logs made big."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from array import array
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import jwt
import pytest
import trio.testing

from application.journal import Query
from application.nodes import ALL
from infrastructure.journal.databases import ledger_at
from infrastructure.journal.events_table import SPAN
from infrastructure.journal.finding import Search
from tests.balancer import configuration
from tests.benchmarks import biglog, lagging, machine, multiplying
from tests.benchmarks.__main__ import told_by
from tests.benchmarks.heavy import Unavailable
from tests.benchmarks.incoming import Asked, Incoming
from tests.benchmarks.sessions import BATCH, Session, recorded
from tests.benchmarks.taps import Command, Commands

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_many_figures_become_three() -> None:
    assert machine.spread(range(1000, 0, -1)) == {"p50": 501, "p99": 991, "worst": 1000}
    assert machine.spread([0.0024], times=1000, digits=1) == {"p50": 2.4, "p99": 2.4, "worst": 2.4}
    assert machine.spread([]) == {}


def test_the_cpu_of_a_child_that_is_gone_counts_with_its_parent() -> None:
    before = machine.cpu_of_all(os.getpid())
    spin = "import time\nwhile time.process_time() < 0.3: pass"
    subprocess.run([sys.executable, "-c", spin], check=True)
    assert machine.cpu_of_all(os.getpid()) - before > 0.25


async def test_requests_are_told_apart_however_they_arrive() -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    incoming, heard = Incoming(theirs), []
    said = b"POST /command HTTP/1.1\r\nContent-Length: 4\r\n\r\nbodyGET / HTTP/1.1\r\nHost: us\r\n\r\nPOST"
    for byte in range(len(said)):
        await ours.send_all(said[byte : byte + 1])
    await ours.send_eof()
    while asked := await incoming.next():
        heard.append(asked)
    assert heard == [
        Asked(b"POST /command HTTP/1.1\r\nContent-Length: 4", b"body"),
        Asked(b"GET / HTTP/1.1\r\nHost: us", b""),
    ]
    assert [(asked.method, asked.target) for asked in heard] == [(b"POST", b"/command"), (b"GET", b"/")]


@pytest.mark.parametrize(
    ("sent", "times"),
    [
        ([(0, 1), (2, 1), (4, 1)], 0),
        ([(0, 1), (0.3, 2), (2.3, 2)], 0),  # it has changed hands
        ([(0, 1), (0.3, 2), (2, 1), (2.3, 2)], 2),
        ([(0, 1), (2, 2), (4, 1)], 0),  # and back again
    ],
)
def test_two_nodes_that_auto_save_one_document_are_noticed(sent: list[tuple[float, int]], times: int) -> None:
    commands = Commands()
    for at, node in sent:
        commands.add("k", Command(at, node, "forcesave"))
        commands.add("k", Command(at, node + 1, "info"))
        commands.add("l", Command(at, node + 1, "forcesave"))
    assert commands.doubled("k", pause=2, since=0) == times
    assert commands.doubled("k", pause=2, since=3) == 0


def test_a_command_is_heard_without_its_secret() -> None:
    commands = Commands()
    commands.note(
        2, jwt.encode({"c": "forcesave", "key": "k"}, "a secret of others, which nobody here knows", "HS256")
    )
    assert [(sent.node, sent.name) for sent in commands.autosaves("k")] == [(2, "forcesave")]


@pytest.mark.parametrize("left", [0, 3])
def test_documents_are_open_in_the_log_with_an_editor_or_without(tmp_path: Path, left: int) -> None:
    def sessions() -> list[Session]:
        made = [Session(f"person {number}", NOW) for number in range(BATCH + 1)]
        for session in made[:left]:
            session.leave()
        return made

    with closing(ledger_at(tmp_path / "log.db")) as ledger:
        kept = [session for batch in recorded(ledger, iter(sessions())) for session in batch]
        assert dict(ledger.views.open_states(ALL)).keys() == {session.key for session in kept}
        edited = ledger.views.query("SELECT count(*) FROM documents WHERE users <> '{}'", (), tuple)
    assert edited == [(len(kept) - left,)]


def test_looks_at_the_event_loop_are_read_from_some_moment_on(tmp_path: Path) -> None:
    looks = [lagging.Look(lagging.LATE, at, at / 1000) for at in (1.0, 2.0, 3.0)]
    (tmp_path / "looks").write_bytes(b"".join(array("d", look).tobytes() for look in looks))
    assert lagging.read(tmp_path / "looks", since=2) == looks[1:]


def test_the_examples_nodes_give_way_to_those_that_are_measured() -> None:
    lines = configuration(8000, ["127.0.0.1:8001"]).splitlines()
    assert [line.split() for line in lines if line.split()[:1] == ["server"]] == [
        ["server", "node1", "127.0.0.1:8001"]
    ]
    assert [line for line in lines if "bind" in line or ".pem" in line] == ["    bind 127.0.0.1:8000"]


def test_a_multiplied_log_has_every_file_and_session_so_many_times(tmp_path: Path) -> None:
    log, database = biglog.made(tmp_path, 40), tmp_path / "docledger.db"
    with closing(sqlite3.connect(database)) as connection:
        before = {table: count(connection, table) for table in multiplying.COPIED}
    multiplying.multiply(database, 3)
    with closing(sqlite3.connect(database)) as connection:
        assert {table: count(connection, table) for table in before} == {t: 3 * n for t, n in before.items()}
        keys = connection.execute("SELECT key, file_id FROM documents").fetchall()
        assert all(key.split("-")[1] == file for key, file in keys)
        positions = connection.execute("SELECT position FROM stored_events ORDER BY position").fetchall()
        assert positions == [(number,) for number in range(1, 3 * log.facts + 1)]
        (spanned,) = connection.execute("SELECT max(block) FROM spans").fetchone()
        assert spanned == 3 * log.facts // SPAN
    with closing(ledger_at(database)) as ledger:
        copy = f"{log.hot[0][:20]}000002"
        facts = [ledger.views.search(Search(Query(file=file), None, 0, 500)) for file in (log.hot[0], copy)]
        assert [fact.event for fact in facts[1]] == [fact.event for fact in facts[0]] != []


def count(connection: sqlite3.Connection, table: str) -> int:
    (rows,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(rows)


def test_the_peak_of_a_process_is_told_from_some_moment_on() -> None:
    machine.forget_peak(os.getpid())
    before = machine.peak(os.getpid())
    some = bytearray(b"x" * 50_000_000)
    assert machine.peak(os.getpid()) - before > len(some) / 1024 / 2
    del some
    machine.forget_peak(os.getpid())
    assert machine.peak(os.getpid()) - before < 25_000


def test_what_fails_or_cannot_be_measured_costs_its_own_figures_only() -> None:
    def missing(_: Path) -> Mapping[str, float]:
        raise Unavailable("no wrk here")

    def failing(folder: Path) -> Mapping[str, float]:
        raise ValueError(f"nothing in {folder.name}: {[*folder.iterdir()]}")

    assert told_by("http", missing) == {"skipped_http": "no wrk here"}
    told = told_by("sse", failing)
    assert [*told] == ["failed_sse"]
    assert str(told["failed_sse"]).startswith("ValueError: nothing in docledger-bench-sse-")
