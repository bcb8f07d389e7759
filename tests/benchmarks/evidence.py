"""What proof costs, on a real database: `python -m tests.benchmarks.evidence [facts]`."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import trio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from application.changes import DocumentChange
from domain import document as documents
from domain.events import DocumentEvent
from infrastructure.evidence import verify
from infrastructure.journal import LedgerJournal, events_table, seals
from tests.story import admitted, at, forcesaved, joined, left, offered, opened, saved

SESSION: tuple[DocumentEvent, ...] = (
    opened(),
    admitted(),
    joined(),
    *(fact for n in (1, 3) for fact in (offered(n), forcesaved(n))),
    left(),
    offered(2, 2),
    saved(),
)
ROUNDS, SESSIONS = 6, 200  # of the comparison with and without the chain
KEY = Ed25519PrivateKey.generate()


def session(number: int, facts: tuple[DocumentEvent, ...] = SESSION) -> DocumentChange:
    first, *rest = facts
    state = documents.replay((replace(first, file=f"f{number}"), *rest))  # type: ignore[call-arg]
    assert state is not None
    return DocumentChange(f"k{number}", 0, (replace(first, file=f"f{number}"), *rest), state)  # type: ignore[call-arg]


async def fill(journal: LedgerJournal, start: int, sessions: int) -> None:
    for first in range(start, start + sessions, 500):
        last = min(first + 500, start + sessions)
        async with trio.open_nursery() as nursery:
            for number in range(first, last):
                nursery.start_soon(journal.append, session(number))


@contextmanager
def unchained() -> Iterator[None]:
    """The same statements, without salts, hashes and the look for the link before."""
    kept = seals.new_salt, seals.digest, seals.link, events_table.link_of
    seals.new_salt = lambda: bytes(16)
    seals.digest = lambda salt, state, cause: bytes(32)
    seals.link = lambda *anything: bytes(32)
    events_table.link_of = lambda cursor, stream, number: bytes(32)
    try:
        yield
    finally:
        seals.new_salt, seals.digest, seals.link, events_table.link_of = kept


async def one_by_one(journal: LedgerJournal, start: int) -> float:
    """Seconds of CPU for sessions whose facts come one after the other, as in life."""
    began = time.process_time()
    async with trio.open_nursery() as nursery:
        for number in range(start, start + SESSIONS):
            nursery.start_soon(_live, journal, number)
    return time.process_time() - began


async def _live(journal: LedgerJournal, number: int) -> None:
    whole = session(number)
    for count in range(1, len(SESSION) + 1):
        past = tuple(whole.events[:count])
        state = documents.replay(past)
        assert state is not None
        await journal.append(DocumentChange(whole.key, count - 1, past[-1:], state))


async def compare_appends(folder: Path) -> None:
    taken: dict[str, list[float]] = {"with": [], "without": []}
    async with LedgerJournal.open(folder / "appends.db") as journal:
        await one_by_one(journal, 10_000_000)
        for number in range(ROUNDS):
            taken["with"].append(await one_by_one(journal, 2 * number * SESSIONS))
            with unchained():
                taken["without"].append(await one_by_one(journal, (2 * number + 1) * SESSIONS))
    each = {name: median(seconds) / SESSIONS / len(SESSION) * 1e6 for name, seconds in taken.items()}
    print(f"append by {SESSIONS}: {each['with']:.0f} µs of CPU a fact, {each['without']:.0f} without a chain")


async def cover(path: Path) -> None:
    """Every checkpoint of the log, and the longest that the event loop stood still meanwhile."""
    stalls: list[float] = []

    async def watch() -> None:
        while True:
            before = trio.current_time()
            await trio.sleep(0.001)
            stalls.append(trio.current_time() - before - 0.001)

    async with LedgerJournal.open(path) as journal, trio.open_nursery() as nursery:
        nursery.start_soon(watch)
        await trio.sleep(2)
        idle = max(stalls)
        stalls.clear()
        began, taken, size = time.perf_counter(), [], 0
        while signed := await journal.checkpoint(KEY.sign, at()):
            taken.append(time.perf_counter() - began)
            size += len(signed.body) + len(signed.signature)
            began = time.perf_counter()
        nursery.cancel_scope.cancel()
    print(
        f"checkpoints: {len(taken)}, {median(taken) * 1e3:.0f} ms each (10 000 facts), "
        f"{size / 1e6:.1f} MB in all; the event loop stood still for {max(stalls) * 1e3:.1f} ms at most, "
        f"{idle * 1e3:.1f} when idle"
    )


def check(path: Path, facts: int) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, busy = time.perf_counter(), time.process_time()
    report = verify(path, [KEY.public_key()])
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (report.facts, report.covered, report.findings) == (facts, facts, [])
    print(
        f"verify: {facts} facts in {seconds:.1f} s, {busy / facts * 1e5:.1f} s of CPU per 100 000; "
        f"peak {after // 1024} MB, {(after - before) // 1024} MB more than before"
    )


def main(facts: int) -> None:
    async def filled() -> None:
        async with LedgerJournal.open(path) as journal:
            began = time.perf_counter()
            await fill(journal, 0, facts // len(SESSION))
            seconds = time.perf_counter() - began
            print(f"written: {facts} facts in {seconds:.1f} s, {path.stat().st_size >> 20} MB")

    with TemporaryDirectory() as name:
        path = Path(name) / "ledger.db"
        trio.run(compare_appends, Path(name))
        trio.run(filled)
        trio.run(cover, path)
        check(path, facts // len(SESSION) * len(SESSION))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
