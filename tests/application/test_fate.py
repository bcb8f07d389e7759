"""The whole service against fate: callbacks in any order, a disk and a network that fail at will."""

from __future__ import annotations

from dataclasses import dataclass, field

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from application.callbacks import Fate
from application.changes import Change
from application.journal import JournalFailed
from application.ports import DownloadFailed, StorageFailed
from domain import document as documents
from domain import file as files
from tests.application.conftest import ADA, FakeServer, Stage, callback, life, saving
from tests.fake_journal import FakeJournal
from tests.fakes import FakeBlobs, FakeSidecars


@dataclass
class DoomedJournal(FakeJournal):
    """Fails at the writes it is told to, before or after the fact."""

    doomed: dict[int, bool] = field(default_factory=dict)
    writes: int = 0

    async def append(self, *changes: Change) -> None:
        self.writes += 1
        lost_before = self.doomed.get(self.writes)
        if lost_before is True:
            raise JournalFailed("no space left on device")
        await super().append(*changes)
        if lost_before is False:
            raise JournalFailed("the connection was lost after COMMIT")


def url(number: int) -> str:
    return f"http://ds/cache/files/data/k_{number}/output.docx/output.docx?expires=99999999999"


steps = st.one_of(
    st.tuples(st.just("offer"), st.sampled_from([2, 6, 6]), st.integers(0, 5)),
    st.tuples(st.just("presence"), st.just(1), st.integers(0, 2)),
    st.tuples(st.just("unchanged"), st.just(4), st.just(0)),
    st.tuples(st.just("open"), st.just(0), st.integers(0, 1)),
)
troubles = st.lists(st.sampled_from(["cut", "full", ""]), max_size=3)


@given(
    st.lists(st.tuples(steps, st.sampled_from([0.0, 1.0, 30.0])), max_size=14),
    st.dictionaries(st.integers(1, 25), st.booleans(), max_size=6),
    st.lists(troubles, min_size=6, max_size=6),
    st.sampled_from([3, 9, 10**6]),
)
@settings(max_examples=150, deadline=None)
def test_what_was_acknowledged_is_a_version_and_the_log_is_the_truth(
    script: list[tuple[tuple[str, int, int], float]],
    doomed: dict[int, bool],
    failures: list[list[str]],
    restart_after: int,
) -> None:
    async def scenario() -> None:
        journal, blobs, sidecars = DoomedJournal(), FakeBlobs(), FakeSidecars()
        server = FakeServer(blobs)
        for number, turns in enumerate(failures):
            server.results[url(number)] = _failing(f"words {number}".encode(), list(turns))
        acknowledged: set[int] = set()
        file = key = ""
        async with life(journal, blobs, server, sidecars) as stage:
            row = await stage.file()
            file, key = row.id, (await stage.door.open(row.id, ADA, "::1")).key
            journal.doomed = {journal.writes + n: before for n, before in doomed.items()}
            with trio.move_on_after(10**5):
                await _play(stage, file, key, script[:restart_after], acknowledged)
        async with life(journal, blobs, server, sidecars) as stage:
            await stage.desk.take_up()
            await _play(stage, file, key, script[restart_after:], acknowledged)
            await trio.sleep(3600)
            await _check(journal, blobs, file, acknowledged)

    trio.run(scenario, clock=MockClock(autojump_threshold=0))


async def _play(
    stage: Stage,
    file: str,
    key: str,
    script: list[tuple[tuple[str, int, int], float]],
    acknowledged: set[int],
) -> None:
    async def do(what: str, status: int, number: int) -> None:
        if what == "offer":
            if await stage.callbacks.receive(saving(key, url(number), status)) is Fate.DONE:
                acknowledged.add(number)
        elif what == "presence":
            await stage.callbacks.receive(callback(key, 1, users=["ada", "bob"][:number]))
        elif what == "unchanged":
            await stage.callbacks.receive(callback(key, 4))

    async with trio.open_nursery() as nursery:
        for (what, status, number), pause in script:
            nursery.start_soon(do, what, status, number)
            await trio.sleep(pause)


async def _check(journal: FakeJournal, blobs: FakeBlobs, file: str, acknowledged: set[int]) -> None:
    kept = {blobs.stored[version.sha256] for version in await journal.versions(file)}
    assert {f"words {number}".encode() for number in acknowledged} <= kept
    row = await journal.file(file)
    assert row
    assert row.file == files.replay(r.event for r in await journal.file_history(file))  # type: ignore[misc]
    for key, (state, version) in journal.documents_.items():
        history = await journal.document_history(key)
        assert state == documents.replay(r.event for r in history)  # type: ignore[misc]
        assert version == len(history)
        assert not state.offers, "an offer that can be had waits for ever"


def _failing(content: bytes, turns: list[str]) -> object:
    async def result() -> object:
        match turns.pop(0) if turns else "":
            case "cut":
                return DownloadFailed("cut in the middle")
            case "full":
                return StorageFailed("no space left on device")
        await trio.sleep(0.5)
        return content

    return result
