"""Judgement of a log's database in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from application.doctor.checks import Check, Verdict, fail, ok
from application.doctor.seen import Postgres, Refusal
from application.telling import count_of, size_of

OLDEST = 14  # the first that ends sessions which say nothing, as nodes need it
PROCESS = 10  # connections that one of our processes has at most
SKEW = 60.0  # seconds
SLOW = 0.25  # seconds for a small commit: a save makes several, one after the other
KEPT = {"on", "remote_write", "remote_apply"}  # values of synchronous_commit with which nothing is lost

REMEDIES: Mapping[Refusal, str] = {
    Refusal.UNREACHABLE: "Start PostgreSQL, or correct host and port in DATABASE_URL.",
    Refusal.SILENT: "See whether PostgreSQL hangs, or a firewall swallows what is sent to it.",
    Refusal.UNKNOWN_HOST: "Write a name or address into DATABASE_URL that this machine knows.",
    Refusal.UNSAFE: "Set sslmode in DATABASE_URL to what the server does, and sslrootcert to its authority.",
    Refusal.NOT_LISTED: "Add a line for this machine, user and database to pg_hba.conf there, and reload it.",
    Refusal.PASSWORD: "Correct user and password in DATABASE_URL; write @ / : % in them as %40 %2F %3A %25.",
    Refusal.NO_DATABASE: "Make it (CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8'),"
    " or correct DATABASE_URL.",
    Refusal.FULL: "Raise max_connections, or the limit of the user or database, or end who takes them.",
    Refusal.NOT_YET: "Wait until it is up; its own log says how far it has come.",
    Refusal.OTHER: "Mend what it says, in DATABASE_URL or at the server; its own log may say more.",
}


class Suspicion(NamedTuple):
    verdict: Verdict
    detail: str
    remedy: str


def judge_postgres(seen: Postgres) -> Check:
    name = "database"
    if seen.refusal is not None:
        return fail(name, f"{seen.url} cannot be read: {seen.unreadable}.", REMEDIES[seen.refusal])
    found = sorted(_suspicions(seen), key=lambda each: each.verdict is not Verdict.FAIL)
    if found:
        details, remedies = (" ".join(part) for part in list(zip(*found, strict=True))[1:])
        return Check(name, found[0].verdict, details, remedies)
    if not seen.exists:
        return ok(name, f"PostgreSQL {seen.release}. Not made yet: the first start makes the tables.")
    took = "" if seen.commit is None else f", a small commit takes {max(1, round(seen.commit * 1000))} ms"
    return ok(name, f"PostgreSQL {seen.release}, can be written to{took}, {size_of(seen.size)}.")


def _suspicions(seen: Postgres) -> Iterator[Suspicion]:
    yield from _unusable(seen)
    yield from _forgetful(seen)
    yield from _elsewhere(seen)


def _unusable(seen: Postgres) -> Iterator[Suspicion]:
    if seen.number < OLDEST * 10_000:
        yield Suspicion(
            Verdict.FAIL,
            f"This is PostgreSQL {seen.release}: we need {OLDEST} or newer.",
            "Upgrade PostgreSQL.",
        )
    if seen.encoding != "UTF8":
        yield Suspicion(
            Verdict.FAIL,
            f"The database's encoding is {seen.encoding}: most names cannot be kept in it.",
            "Make another one (CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8').",
        )
    if seen.foreign:
        yield Suspicion(Verdict.FAIL, f"{seen.url} {seen.foreign}.", "Use that release.")
    if seen.unreadable:
        yield Suspicion(
            Verdict.FAIL, f"It cannot be read: {seen.unreadable}.", "Mend what it says; its log may say more."
        )
    if seen.read_only:
        yield Suspicion(
            Verdict.FAIL,
            "It takes no writes: it is a replica, or default_transaction_read_only is on.",
            "Name the primary in DATABASE_URL, or all hosts (host1,host2): we use the one that takes writes.",
        )
    elif not seen.may_write:
        what = "write to our tables" if seen.exists else "make tables"
        yield Suspicion(
            Verdict.FAIL,
            f"The user of DATABASE_URL may not {what}.",
            "Make that user the owner of the database and of its tables.",
        )
    if seen.spoilt:
        yield Suspicion(
            Verdict.FAIL,
            f"PostgreSQL has met {count_of(seen.spoilt, 'damaged page')} in this database.",
            "Keep a copy of its data folder, and run `docledger verify`; once that is mended, SELECT"
            " pg_stat_reset() there.",
        )


def _forgetful(seen: Postgres) -> Iterator[Suspicion]:
    off = [
        name for name, on in (("fsync", seen.fsync), ("full_page_writes", seen.full_page_writes)) if not on
    ]
    if off:
        yield Suspicion(
            Verdict.FAIL,
            f"{' and '.join(off)} {'is' if len(off) == 1 else 'are'} off there: a power cut loses saves, and"
            " may spoil the whole database.",
            f"Remove {' and '.join(off)} from postgresql.conf, and restart PostgreSQL.",
        )
    if not seen.read_only and seen.synchronous not in KEPT:
        yield Suspicion(
            Verdict.FAIL,
            f"synchronous_commit stays {seen.synchronous}: the last saves are lost with the server's power.",
            "Set synchronous_commit to on for this database.",
        )


def _elsewhere(seen: Postgres) -> Iterator[Suspicion]:
    if seen.pooled:
        yield Suspicion(
            Verdict.WARN,
            "A pooler (PgBouncer?) stands between us and PostgreSQL: what belongs to a connection, such as"
            " who looks after which document, may get lost in it.",
            "Name PostgreSQL itself in DATABASE_URL: we keep a pool of our own.",
        )
    needed = PROCESS * max(1, -(-seen.ours // PROCESS)) - seen.ours
    if seen.free < needed:
        yield Suspicion(
            Verdict.WARN,
            f"Only {count_of(max(0, seen.free), 'connection')} can still be had there; each of our processes"
            f" uses up to {PROCESS}.",
            "Raise max_connections, or the limit of the user or database, or end who takes them.",
        )
    if abs(seen.ahead) > SKEW:
        yield Suspicion(
            Verdict.WARN,
            f"Its clock is {abs(seen.ahead):.0f} s {'ahead of' if seen.ahead > 0 else 'behind'} ours.",
            "Have both machines set their clocks by NTP.",
        )
    if seen.commit is not None and seen.commit > SLOW:
        yield Suspicion(
            Verdict.WARN,
            f"A small commit takes {seen.commit * 1000:.0f} ms: saves are slow.",
            "See how far away it is, how busy its disk is, and whether it waits for a replica.",
        )
