"""Open documents that nobody edits have no task, and a restart reads none of them before it is needed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from application.alarms import Alarms
from application.draining import drain
from application.nodes import SOLE, shard_of
from application.ports import Answer
from application.schedule import Schedule
from application.sleepers import ASKED, STALE, Sleeper, Sleepers
from application.world import Patience
from domain import events
from domain.words import Mode
from tests.application.cluster import Cluster, cluster
from tests.application.conftest import ADA, FakeServer, Stage, callback, life
from tests.fake_journal import FakeJournal
from tests.fakes import FakeBlobs, FakeSidecars


def tasks() -> int:
    root = trio.lowlevel.current_root_task()
    assert root
    waiting, found = [root], 0
    while waiting:
        task = waiting.pop()
        found += 1
        waiting += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
    return found


async def looked_at(stage: Stage) -> str:
    """The key of a document that somebody has open and does not edit, known to the server."""

    async def known(_: str) -> Answer:
        return Answer(0, {"error": 0, "users": []})

    stage.server.answers["info"] = known
    row = await stage.file()
    return (await stage.door.open(row.id, ADA, "::1", wanted=Mode.VIEW)).key


def counted(journal: FakeJournal) -> list[str]:
    """The keys of which the history is read from now on."""
    read, history = [], journal.document_history

    async def reading(key: str, after: int = 0) -> object:
        read.append(key)
        return await history(key, after)

    journal.document_history = reading  # type: ignore[method-assign,assignment]
    return read


async def test_who_only_looks_leaves_no_task_behind(stage: Stage, autojump_clock: MockClock) -> None:
    before = tasks()
    await looked_at(stage)
    assert tasks() > before
    await trio.sleep(stage.world.patience.quiet + 1)
    assert tasks() == before
    assert (len(stage.desk), stage.desk.opened(), stage.desk.unsaved()) == (1, 1, [])


async def test_a_document_at_rest_answers_like_any_other(stage: Stage, autojump_clock: MockClock) -> None:
    key = await looked_at(stage)
    document = await stage.desk.ask(key)
    await trio.sleep(100)
    assert await stage.desk.ask(key) == document
    await stage.callbacks.receive(callback(key, 1, users=["ada"]))
    await trio.sleep(stage.world.patience.autosave + 1)
    assert len(stage.server.asked("forcesave")) == 1


async def test_the_server_is_asked_about_a_document_at_rest_as_often_as_ever(
    stage: Stage, autojump_clock: MockClock
) -> None:
    key = await looked_at(stage)
    began, silence = trio.current_time(), stage.world.patience.silence
    stage.server.answers["info"] = 1
    await trio.sleep(silence + 1)
    assert [round(when - began) for when in stage.server.asked("info")] == [silence]
    assert stage.types(key)[-1] == "Closed"
    await trio.sleep(stage.world.patience.resting + 1)
    assert len(stage.desk) == 0


async def test_whoever_was_let_in_lately_keeps_the_actor(stage: Stage, autojump_clock: MockClock) -> None:
    """Nobody has joined yet: its auto-save is asked for all the same."""
    row = await stage.file()
    before = tasks()
    await stage.door.open(row.id, ADA, "::1")
    await trio.sleep(stage.world.patience.admitted - 20)
    assert tasks() > before
    assert len(stage.server.asked("forcesave")) in {3, 4}
    await trio.sleep(60)
    assert tasks() == before


async def test_what_the_server_keeps_is_counted_at_rest_too(stage: Stage, autojump_clock: MockClock) -> None:
    await looked_at(stage)
    await trio.sleep(stage.world.patience.silence + 2 * stage.world.patience.orphaned + 60)
    assert stage.desk.kept_at_server() == 1


async def test_what_it_keeps_is_asked_about_less_often_until_somebody_comes(
    stage: Stage, autojump_clock: MockClock
) -> None:
    key, patience = await looked_at(stage), stage.world.patience
    await trio.sleep(patience.silence + 2 * patience.orphaned)
    known = len(stage.server.asked("info"))
    assert stage.desk.kept_at_server() == 1
    await trio.sleep(patience.kept_there - 2 * patience.orphaned)
    assert len(stage.server.asked("info")) == known
    document = await stage.desk.ask(key)
    assert document
    assert (await stage.door.open(document.file, ADA, "::1")).key == key
    await trio.sleep(patience.silence + 1)
    assert len(stage.server.asked("info")) == known + 1


@asynccontextmanager
async def restarted(
    journal: FakeJournal, blobs: FakeBlobs, documents: int, edited: int
) -> AsyncIterator[tuple[Stage, list[str]]]:
    """Nothing is taken up yet. The server names Ada, whichever document it is asked about."""
    async with life(journal, blobs, FakeServer(blobs), FakeSidecars()) as first:
        keys = await left_open(first, documents, edited)
    async with life(journal, blobs, FakeServer(blobs), FakeSidecars()) as second:
        second.server.answers["info"] = Answer(0, {"error": 0, "users": ["ada"]})
        yield second, keys


async def left_open(stage: Stage, documents: int, edited: int) -> list[str]:
    """Keys; the first of them have an editor."""
    keys = []
    for number in range(documents):
        row = await stage.file(f"{number}.docx")
        mode = Mode.EDIT if number < edited else Mode.VIEW
        keys.append((await stage.door.open(row.id, ADA, "::1", wanted=mode)).key)
        if number < edited:
            await stage.callbacks.receive(callback(keys[-1], 1, users=["ada"]))
    return keys


async def test_a_restart_reads_no_history_before_it_is_needed(
    journal: FakeJournal, blobs: FakeBlobs, autojump_clock: MockClock
) -> None:
    async with restarted(journal, blobs, documents=60, edited=20) as (second, keys):
        read = counted(journal)
        assert await second.desk.take_up() == 60
        assert not read
        assert (second.desk.opened(), set(second.desk.unsaved())) == (60, set(keys[:20]))
        await second.desk.ask(keys[-1])
        assert keys[-1] in read
        assert set(read) <= {*keys[:20], keys[-1]}, "nobody edits the others"


async def test_after_a_restart_everything_that_is_edited_is_saved_within_the_interval(
    journal: FakeJournal, blobs: FakeBlobs, autojump_clock: MockClock
) -> None:
    async with restarted(journal, blobs, documents=60, edited=40) as (second, keys):
        await second.desk.take_up()
        began, autosave = trio.current_time(), second.world.patience.autosave
        await trio.sleep(autosave + 1)
        saved = [(key, when) for name, key, when in second.server.commands if name == "forcesave"]
        assert {key for key, _ in saved} >= set(keys[:40])
        assert all(when - began <= autosave for _, when in saved[:40])
        assert len([*second.desk.edited()]) >= 40


async def test_a_history_that_comes_late_makes_the_auto_save_late_and_not_left_out(
    journal: FakeJournal, blobs: FakeBlobs, autojump_clock: MockClock
) -> None:
    async with restarted(journal, blobs, documents=20, edited=20) as (second, keys):
        await second.desk.take_up()
        began, autosave, journal.hanging = trio.current_time(), second.world.patience.autosave, 12
        await trio.sleep(autosave + journal.hanging)
        saved = {key: when for name, key, when in reversed(second.server.commands) if name == "forcesave"}
        assert saved.keys() == set(keys)
        assert any(when - began > journal.hanging for when in saved.values())


async def test_a_stop_soon_after_a_start_saves_what_nobody_has_read_yet(
    journal: FakeJournal, blobs: FakeBlobs, autojump_clock: MockClock
) -> None:
    async with restarted(journal, blobs, documents=5, edited=3) as (second, keys):
        await second.desk.take_up()
        await drain(second.desk, second.world, 10)
        assert {key for name, key, _ in second.server.commands if name == "forcesave"} == set(keys[:3])


async def test_the_server_is_not_asked_about_all_of_them_at_once(
    journal: FakeJournal, blobs: FakeBlobs, autojump_clock: MockClock
) -> None:
    async with restarted(journal, blobs, documents=300, edited=0) as (second, _):
        await second.desk.take_up()
        await trio.sleep(300 / ASKED + 1)
        asked = sorted(second.server.asked("info"))
        assert len(asked) == 300
        assert min(later - sooner for sooner, later in pairwise(asked)) > 0.9 / ASKED


async def resting(nodes: Cluster, to: int) -> str:
    """The key of a document that nobody edits, looked after by that node."""
    row = await nodes[0].file()
    key = (await nodes[0].door.open(row.id, ADA, "::1", wanted=Mode.VIEW)).key
    nodes.give(key, to)
    await trio.sleep(100)
    return key


async def test_a_document_at_rest_follows_its_shard(autojump_clock: MockClock) -> None:
    async with cluster(2) as nodes:
        key = await resting(nodes, to=0)
        assert [len(member.desk) for member in nodes.members] == [1, 0]
        nodes.give(key, to=1)
        await trio.sleep(100)
        assert [len(member.desk) for member in nodes.members] == [0, 1]
        before = nodes.asked("info")
        await trio.sleep(4000)
        asked = [now - then for now, then in zip(nodes.asked("info"), before, strict=True)]
        assert asked[0] == 0
        assert asked[1] > 0


async def test_what_another_node_records_wakes_a_document_at_rest(autojump_clock: MockClock) -> None:
    async with cluster(2) as nodes:
        key = await resting(nodes, to=1)
        await nodes[0].callbacks.receive(callback(key, 1, users=["ada"]))
        await trio.sleep(31)
        assert nodes.asked("forcesave") == [0, 1]
        assert isinstance(nodes.journal.log[-1][2], events.Joined)


steps = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.floats(0, 50), st.booleans(), st.booleans()), max_size=30
)


@settings(max_examples=60, deadline=None)
@given(steps, st.sampled_from([0, STALE]))
def test_each_is_woken_once_and_when_it_is_due(
    steps: Sequence[tuple[str, float, bool, bool]], gone: int
) -> None:
    """Also when the heap is made anew, since so many have been woken otherwise."""

    async def scenario() -> None:
        woken: list[tuple[str, float]] = []
        due: dict[str, tuple[float, bool]] = {}

        def wake(key: str) -> None:
            sleeper = sleepers.take(key)
            assert sleeper
            at, unsaved = due.pop(key)
            late = trio.current_time() - at
            assert late >= 0
            assert late < (1e-6 if unsaved else (len(steps) + 1) / ASKED)
            woken.append((key, trio.current_time()))

        alarms = Alarms()
        sleepers = Sleepers(wake, alarms)
        for number in range(gone):
            sleepers.lay(str(number), Sleeper(schedule(str(number), 1000)))
            sleepers.take(str(number))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(alarms.run)
            for key, wait, unsaved, taken in steps:
                if taken:
                    assert (sleepers.take(key) is not None) == (due.pop(key, None) is not None)
                else:
                    at = trio.current_time() + wait
                    due[key] = (at, unsaved)
                    sleepers.lay(key, Sleeper(schedule(key, at), unsaved=unsaved))
                await trio.sleep(wait / 3)
            await trio.sleep(100)
            assert not due
            assert len(sleepers) == 0
            nursery.cancel_scope.cancel()

    def schedule(key: str, at: float) -> Schedule:
        schedule = Schedule(key, Patience(), SOLE)
        schedule.reconcile(at)
        assert schedule.wakes_at == at
        return schedule

    trio.run(scenario, clock=MockClock(autojump_threshold=0))


async def test_those_of_other_nodes_are_dropped(autojump_clock: MockClock) -> None:
    woken: list[str] = []
    alarms = Alarms()
    sleepers = Sleepers(woken.append, alarms)
    for key in ("one", "two"):
        schedule = Schedule(key, Patience(), SOLE)
        schedule.reconcile(trio.current_time() + 1)
        sleepers.lay(key, Sleeper(schedule))
    assert shard_of("one") != shard_of("two")
    sleepers.drop({shard_of("one")})
    with trio.move_on_after(5):
        await alarms.run()
    assert woken == ["two"]
