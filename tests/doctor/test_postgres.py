"""What can be wrong with PostgreSQL, brought about for real, is recognised, and so is what to do about it."""

from __future__ import annotations

import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import trio

from application.doctor.checks import Check, Verdict
from application.doctor.keeping import judge_log
from application.doctor.postgres import REMEDIES, judge_postgres
from application.doctor.seen import Postgres as Seen
from application.doctor.seen import Refusal
from infrastructure.doctor import postgres as looking
from infrastructure.journal import LedgerJournal
from infrastructure.journal.postgres.upgrading import CURRENT
from tests.databases import execute
from tests.doctor.house import House, house
from tests.doctor.test_examination import SETUP
from tests.engines.postgres import Postgres
from tests.log import Log
from tests.ports import free_port

OK, WARN, FAIL = Verdict.OK, Verdict.WARN, Verdict.FAIL
PASSWORD = "quite a hidden word"


@dataclass
class Ward:
    """A house whose log is in PostgreSQL."""

    home: House
    server: Postgres
    url: str
    undo: list[Callable[[], object]] = field(default_factory=list)

    def say(self, *statements: str) -> None:
        for statement in statements:
            execute(self.url, statement)

    def afterwards(self, *statements: str) -> None:
        self.undo.append(lambda: (self.server.ensure(), self.say(*statements)))

    def set(self, **parts: Any) -> None:
        """Other parts of the url: user, host, port, database, query."""
        name = urlsplit(self.url)
        usual = {"user": "docledger", "host": name.hostname, "port": name.port, "database": name.path[1:]}
        told = {**usual, "query": "", **parts}
        url = "postgresql://{user}@{host}:{port}/{database}{query}".format(**told)
        self.home.given["database_url"] = url

    def role(self, name: str, *rights: str) -> None:
        self.say(f"CREATE ROLE {name} LOGIN {' '.join(rights)}")
        self.afterwards(f"DROP OWNED BY {name}; DROP ROLE {name}")
        self.set(user=name)

    async def fill(self) -> None:
        async with LedgerJournal.open(self.url) as journal:
            for changes in Log().changes:
                await journal.append(*changes)


@pytest.fixture
async def ward(tmp_path: Path, postgres: Postgres, postgres_database: str) -> AsyncIterator[Ward]:
    async with house(tmp_path) as home:
        ward = Ward(home, postgres, postgres_database)
        ward.set()
        yield ward
        for undo in reversed(ward.undo):
            undo()


Provoke = Callable[[Ward], Any]
AILMENTS: list[Any] = []


def ailment(check: str, verdict: Verdict, words: str, remedy: str) -> Callable[[Provoke], Provoke]:
    """The function's name says what is wrong."""

    def known(provoke: Provoke) -> Provoke:
        AILMENTS.append(pytest.param(provoke, check, verdict, words, remedy, id=provoke.__name__))
        return provoke

    return known


@ailment("database", FAIL, "refused", "Start PostgreSQL, or correct host and port")
async def nobody_listens(ward: Ward) -> None:
    ward.set(port=free_port())


@ailment("database", FAIL, "timeout", "a firewall swallows")
async def it_stands_still(ward: Ward) -> None:
    ward.server.pause()
    ward.undo.append(ward.server.resume)


@ailment("database", FAIL, "no answer within 8 s", "PostgreSQL hangs")
async def it_falls_silent_in_the_midst(ward: Ward) -> None:
    ward.set(port=ward.home.stack.enter_context(between(ward.server.port, swallow=b"server_version_num")))


@ailment("database", FAIL, "resolve host", "a name or address into DATABASE_URL that this machine knows")
async def a_host_that_nobody_knows(ward: Ward) -> None:
    ward.set(host="nowhere.invalid")


@ailment("database", FAIL, "SSL", "Set sslmode")
async def tls_that_it_does_not_speak(ward: Ward) -> None:
    ward.set(query="?sslmode=require")


@ailment("database", FAIL, "password authentication failed", "Correct user and password")
async def a_wrong_password(ward: Ward) -> None:
    ward.role("locked", "PASSWORD 'another'")
    ward.server.hba("host all locked 127.0.0.1/32 scram-sha-256")
    ward.undo.append(ward.server.hba)
    ward.set(user=f"locked:{PASSWORD.replace(' ', '%20')}")


@ailment("database", FAIL, "pg_hba.conf", "to pg_hba.conf there")
async def a_host_that_it_does_not_let_in(ward: Ward) -> None:
    ward.role("outsider")
    ward.server.hba("host all outsider 127.0.0.1/32 reject")
    ward.undo.append(ward.server.hba)


@ailment("database", FAIL, "does not exist", "Correct user and password")
async def a_user_that_it_does_not_know(ward: Ward) -> None:
    ward.set(user="nobody_here")


@ailment("database", FAIL, "does not exist", "CREATE DATABASE")
async def a_database_that_is_not_there(ward: Ward) -> None:
    ward.set(database="nothing_here")


@ailment("database", FAIL, "too many connections", "Raise max_connections")
async def no_connection_left(ward: Ward) -> None:
    ward.role("crowded", "CONNECTION LIMIT 0")


@ailment("database", WARN, "Only 2 connections can still be had", "Raise max_connections")
async def few_connections_left(ward: Ward) -> None:
    ward.role("crowded", "CONNECTION LIMIT 2")
    ward.say("GRANT CREATE ON SCHEMA public TO crowded")


@ailment("database", FAIL, "encoding is SQL_ASCII", "ENCODING 'UTF8'")
async def an_encoding_of_few_letters(ward: Ward) -> None:
    with psycopg.connect(ward.url, autocommit=True) as connection:
        connection.execute(
            "CREATE DATABASE narrow TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C' LOCALE_PROVIDER libc"
        )
    ward.undo.append(partial(ward.server.drop_database, "x/narrow"))
    ward.set(database="narrow")


@ailment("database", FAIL, "takes no writes", "Name the primary")
async def it_is_read_only(ward: Ward) -> None:
    await ward.fill()
    ward.say("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on',"
             " current_database()); END $$")  # fmt: skip


@ailment("database", FAIL, "may not make tables", "the owner of the database")
async def a_user_who_may_make_nothing(ward: Ward) -> None:
    ward.say("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    ward.role("guest")


@ailment("database", FAIL, "permission denied for table", "Make that user the owner")
async def a_user_who_may_read_nothing(ward: Ward) -> None:
    await ward.fill()
    ward.role("guest")
    ward.say("GRANT SELECT ON schema_version TO guest")


@ailment("database", FAIL, "may not write to our tables", "Make that user the owner")
async def a_user_who_may_only_read(ward: Ward) -> None:
    await ward.fill()
    ward.role("guest")
    ward.say("GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest")


@ailment("database", FAIL, "fsync is off", "Remove fsync")
async def it_does_not_sync(ward: Ward) -> None:
    ward.server.alter("fsync", "off")
    ward.undo.append(partial(ward.server.alter, "fsync"))


@ailment("database", FAIL, "full_page_writes is off", "Remove full_page_writes")
async def it_does_not_write_full_pages(ward: Ward) -> None:
    ward.server.alter("full_page_writes", "off")
    ward.undo.append(partial(ward.server.alter, "full_page_writes"))


@ailment("database", FAIL, "of a newer release", "Use that release")
async def tables_of_a_newer_release(ward: Ward) -> None:
    await ward.fill()
    ward.say(f"UPDATE schema_version SET number = {CURRENT + 1}")


@ailment("database", WARN, "A pooler (PgBouncer?) stands between", "Name PostgreSQL itself")
async def somebody_stands_between(ward: Ward) -> None:
    ward.set(port=ward.home.stack.enter_context(between(ward.server.port, pretend=True)))


@ailment("log", WARN, "wait for a checkpoint", "why it cannot sign")
async def no_checkpoints(ward: Ward) -> None:
    await ward.fill()
    ward.say("UPDATE stored_events SET at = '2026-01-01T00:00:00.000000+00:00'")


@ailment("undelivered_saves", WARN, "1 at the Document Server", "FORGOTTEN_SECONDS")
async def save_that_the_server_gave_up(ward: Ward) -> None:
    await ward.fill()
    ward.say("INSERT INTO documents (key, state) VALUES ('ada-1', 'closed')")
    ward.home.patient.forgotten = ("somebody-elses", "ada-1")


@pytest.mark.parametrize(("provoke", "check", "verdict", "words", "remedy"), AILMENTS)
async def test_it_is_recognised(
    ward: Ward, provoke: Provoke, check: str, verdict: Verdict, words: str, remedy: str
) -> None:
    await provoke(ward)
    with trio.fail_after(40):
        seen = await ward.home.examined()
    found = seen[check]
    assert found.verdict is verdict, found
    assert words in found.detail, found
    assert remedy in found.remedy, found
    told = str(seen)
    assert PASSWORD not in told
    assert PASSWORD.replace(" ", "%20") not in told
    assert "The check itself failed" not in told


async def test_where_all_is_well_there_is_nothing_to_do(ward: Ward) -> None:
    ward.set(user="docledger:short")
    seen = await ward.home.examined()
    assert seen.pop("service").verdict is WARN
    assert {check.verdict for check in seen.values()} == {OK}, seen
    assert "Not made yet: the first start makes the tables" in seen["database"].detail
    await ward.fill()
    seen = await ward.home.examined()
    assert seen["database"].verdict is OK
    assert "can be written to, a small commit takes " in seen["database"].detail
    assert "2 facts" in seen["log"].detail


async def test_a_look_changes_nothing(ward: Ward) -> None:
    await ward.home.examined()
    with psycopg.connect(ward.url) as connection:
        assert connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchone() == (0,)


async def test_a_database_that_acknowledges_early_is_made_to_wait_for_us(ward: Ward) -> None:
    ward.say("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off',"
             " current_database()); END $$")  # fmt: skip
    assert (await ward.home.examined())["database"].verdict is OK


@contextmanager
def between(port: int, *, pretend: bool = False, swallow: bytes | None = None) -> Iterator[int]:
    """The port of somebody who stands before a server: a pooler with process ids of its own, or one who
    falls silent at a word.
    """
    door = socket.create_server(("127.0.0.1", 0))
    lines: list[socket.socket] = [door]

    def carry(source: socket.socket, target: socket.socket, *, down: bool) -> None:
        try:
            while chunk := source.recv(65536):
                if swallow is not None and not down and swallow in chunk:
                    return
                target.sendall(_other_process(chunk) if pretend and down else chunk)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # one of the two has hung up

    def serve() -> None:
        while True:
            try:
                near = door.accept()[0]
            except OSError:
                return  # it is over
            far = socket.create_connection(("127.0.0.1", port))
            lines.extend((near, far))
            threading.Thread(target=carry, args=(near, far), kwargs={"down": False}, daemon=True).start()
            threading.Thread(target=carry, args=(far, near), kwargs={"down": True}, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield door.getsockname()[1]
    door.shutdown(socket.SHUT_RDWR)
    for line in lines:
        line.close()


def _other_process(chunk: bytes) -> bytes:
    """In BackendKeyData: K, its length, the process, a key."""
    head = b"K\x00\x00\x00\x0c"
    at = chunk.find(head) + len(head)
    return chunk if at < len(head) else chunk[:at] + (4711).to_bytes(4, "big") + chunk[at + 4 :]


# -- what one machine cannot bring about, and where the limits lie ------------------------------------------


def judged(**seen: Any) -> Check:
    return judge_postgres(replace(Seen("postgresql://office/docledger"), **seen))


def says(check: Check, verdict: Verdict, *words: str) -> None:
    assert check.verdict is verdict, check
    assert all(word in f"{check.detail} {check.remedy}" for word in words), check


def test_releases() -> None:
    says(judged(release="13.22", number=130022), FAIL, "PostgreSQL 13.22", "14 or newer")
    says(judged(release="14.0", number=140000), OK, "PostgreSQL 14.0")


@pytest.mark.parametrize("value", ["off", "local"])
def test_commits_that_stay_early_lose_saves(value: str) -> None:
    says(judged(synchronous=value), FAIL, f"synchronous_commit stays {value}")
    says(judged(synchronous=value, read_only=True), FAIL, "takes no writes")
    assert "synchronous_commit" not in judged(synchronous=value, read_only=True).detail


def test_each_process_of_ours_needs_its_connections() -> None:
    says(judged(free=10), OK)
    says(judged(free=9), WARN, "Only 9 connections")
    says(judged(free=1, ours=9), OK)
    says(judged(free=0, ours=10), OK)
    says(judged(free=8, ours=11), WARN, "up to 10")


def test_clocks_may_be_a_minute_apart() -> None:
    says(judged(ahead=60.0), OK)
    says(judged(ahead=61.0), WARN, "61 s ahead of ours", "NTP")
    says(judged(ahead=-200.0), WARN, "200 s behind ours")


def test_a_commit_should_take_no_quarter_of_a_second() -> None:
    says(judged(commit=0.0004), OK, "a small commit takes 1 ms")
    says(judged(commit=0.3), WARN, "300 ms", "waits for a replica")


def test_pages_that_postgres_has_met_are_no_small_matter() -> None:
    says(judged(spoilt=1), FAIL, "1 damaged page", "docledger verify")


def test_everything_is_said_at_once_and_the_worst_first() -> None:
    check = judged(pooled=True, fsync=False, full_page_writes=False)
    says(check, FAIL, "fsync and full_page_writes are off", "pooler")
    assert check.remedy.startswith("Remove fsync")


def test_facts_may_wait_for_a_checkpoint_for_a_while() -> None:
    seen = Seen("postgresql://office/docledger", facts=9, uncovered=3)
    says(judge_log(SETUP, seen), OK, "9 facts, 3 wait")
    says(judge_log(SETUP, replace(seen, uncovered_for=timedelta(hours=1))), WARN, "60 minutes")
    says(judge_log(SETUP, replace(seen, unreadable="so")), WARN, "Not looked at")


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        ("FATAL:  the database system is starting up", Refusal.NOT_YET),
        ("FATAL:  the database system is in recovery mode", Refusal.NOT_YET),
        ("FATAL:  sorry, too many clients already", Refusal.FULL),
        ("FATAL:  remaining connection slots are reserved for superusers", Refusal.FULL),
        ("fe_sendauth: no password supplied", Refusal.PASSWORD),
        ("FATAL:  keine Lust", Refusal.OTHER),
    ],
)
def test_refusals_are_known_by_their_words(words: str, refusal: Refusal) -> None:
    assert looking._refusal(psycopg.OperationalError(words)) is refusal


@pytest.mark.parametrize("refusal", Refusal)
def test_every_refusal_has_its_remedy(refusal: Refusal) -> None:
    check = judged(refusal=refusal, unreadable="in its words")
    says(check, FAIL, "in its words", REMEDIES[refusal])
