"""Many readers of one growing log: each is told everything that is theirs to know, once and in order."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from application.journal import Query, Recorded
from application.live import KEPT, LINGER, PAGE, Feed
from application.people import Person
from application.readers import Reader
from domain import events
from domain.words import Access
from tests.application.reading import ADA, BOB, EVE, Counting, Desk, Log, following, tell
from tests.story import admitted, at, joined, left

HOUR = 3600.0


@pytest.fixture
def journal() -> Counting:
    return Counting()


@pytest.fixture
def log(journal: Counting) -> Log:
    return Log(journal)


@pytest.fixture
async def desk(journal: Counting, nursery: trio.Nursery) -> AsyncIterator[Desk]:
    with ExitStack() as exits:
        yield following(journal, nursery, exits)


async def test_a_reader_is_told_what_is_recorded_after_its_beginning(
    desk: Desk, log: Log, autojump_clock: MockClock
) -> None:
    await log.add("f")
    reader = desk.reader(after=await log.journal.position())
    assert await desk.all(reader) == []
    await log.tell("f", joined())
    assert await desk.all(reader) == ["2 Opened", "3 Joined"]
    assert await desk.all(reader) == []


async def test_a_reader_that_comes_again_goes_on_where_it_was(
    desk: Desk, log: Log, autojump_clock: MockClock
) -> None:
    await log.tell("f", joined())
    first = desk.reader()
    assert await desk.all(first) == ["1 Opened", "2 Joined"]
    await log.tell("f", left())
    again = desk.reader(after=first.position)
    assert await desk.all(again) == ["3 Left"]


async def test_a_restart_makes_no_difference(
    desk: Desk, log: Log, journal: Counting, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    reader = desk.reader()
    await log.tell("f", joined())
    assert await desk.all(reader) == ["1 Opened", "2 Joined"]
    await log.tell("f", left())
    with ExitStack() as exits:
        after = following(journal, nursery, exits)
        assert await after.all(after.reader(after=reader.position)) == ["3 Left"]


async def test_what_memory_no_longer_has_is_read_from_the_journal(
    desk: Desk, log: Log, journal: Counting, autojump_clock: MockClock
) -> None:
    quick, slow = desk.reader(), desk.reader()
    await desk.all(quick)
    for number in range(KEPT + 150):
        await log.tell("f", joined(f"user {number}"))
        await desk.feed.take(quick)
    journal.pages.clear()
    told = await desk.all(slow)
    assert [int(text.split()[0]) for text in told] == list(range(1, KEPT + 152))
    assert 2 <= len(journal.pages) <= 3, "until memory has the rest"


async def test_a_reader_within_memory_costs_the_journal_nothing(
    desk: Desk, log: Log, journal: Counting, autojump_clock: MockClock
) -> None:
    quick, slow = desk.reader(), desk.reader()
    await desk.all(quick)
    for number in range(KEPT // 2):
        await log.tell("f", joined(f"user {number}"))
    await desk.all(quick)
    journal.pages.clear()
    journal.rows.clear()
    assert len(await desk.all(slow)) == KEPT // 2 + 1
    assert (journal.pages, journal.rows) == ([], [])


async def test_a_thousand_readers_are_told_of_what_was_read_once(
    log: Log, journal: Counting, autojump_clock: MockClock
) -> None:
    told: list[int] = []
    encoded: list[int] = []

    def once(recorded: Recorded, names: Mapping[str, str]) -> bytes:
        encoded.append(recorded.position)
        return tell(recorded, names)

    feed = Feed(journal, once)

    async def read(start: trio.Event) -> None:
        reader = Reader(EVE, Query(), 0)
        with feed.reading(reader):
            count = 0
            while count < 301:
                count += len(await feed.take(reader))
        told.append(count)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(feed.run)
        async with trio.open_nursery() as readers:
            for _ in range(1000):
                readers.start_soon(read, trio.Event())
            await wait_all_tasks_blocked()
            for number in range(300):
                await log.tell("f", joined(f"user {number}"))
        nursery.cancel_scope.cancel()
    assert told == [301] * 1000
    assert encoded == list(range(1, 302))
    assert sum(count for _, count in journal.pages) == 301
    assert journal.rows == ["f"], "and its file once"


async def test_nobody_reads_and_nothing_is_read(
    desk: Desk, log: Log, journal: Counting, autojump_clock: MockClock
) -> None:
    await log.tell("f", joined())
    await trio.sleep(HOUR)
    assert (journal.looks, journal.pages) == (0, [])
    reader = Reader(EVE, Query(), 0)
    with desk.feed.reading(reader):
        await desk.all(reader)
    await trio.sleep(2 * LINGER)
    looks, pages = journal.looks, list(journal.pages)
    await log.tell("f", left())
    await trio.sleep(HOUR)
    assert (journal.looks, journal.pages) == (looks, pages)
    assert await desk.all(desk.reader(after=reader.position)) == ["3 Left"]


async def test_people_are_told_of_their_files_only(desk: Desk, log: Log, autojump_clock: MockClock) -> None:
    await log.add("hers")
    await log.add("his", "bob")
    await log.add("both", "ada", "bob")
    for file in ("hers", "his", "both"):
        await log.tell(file, joined())
    assert [text.split()[0] for text in await desk.all(desk.reader(BOB))] == [
        "2",
        "3",
        "4",
        "7",
        "8",
        "9",
        "10",
    ]
    assert await desk.all(desk.reader(ADA, file="both")) == [
        "3 Added",
        "4 Shared",
        "9 Opened",
        "10 Joined",
    ]
    assert await desk.all(desk.reader(ADA, key="kboth")) == ["9 Opened", "10 Joined"]
    assert await desk.all(desk.reader(BOB, file="hers")) == []
    assert len(await desk.all(desk.reader(EVE))) == 10


@pytest.mark.parametrize("whom", ["bob", "*"])
@pytest.mark.parametrize("recent", [True, False])
async def test_a_share_that_is_taken_back_ends_it_for_whoever_is_behind_too(
    desk: Desk, log: Log, recent: bool, whom: str, autojump_clock: MockClock
) -> None:
    await log.add("f", "ada", whom)
    other = desk.reader() if recent else None  # has the feed read everything as it came
    quick, slow = desk.reader(BOB), desk.reader(BOB)
    if other:
        await desk.all(other)
        await desk.all(quick)
    await log.tell("f", joined())
    if recent:
        assert await desk.all(quick) == ["3 Opened", "4 Joined"]
    await log.share("f", whom, Access.NONE)
    await log.tell("f", left())
    assert await desk.all(quick) == ["5 Shared"], "that it was taken from him is the last he is told of it"
    assert await desk.all(slow) == ["5 Shared"], "what happened while he had it is not for him any more"
    await log.share("f", whom)
    assert await desk.all(quick) == ["7 Shared"]


async def test_what_is_taken_from_others_is_told_to_whoever_still_has_it(
    desk: Desk, log: Log, autojump_clock: MockClock
) -> None:
    await log.add("f", "ada", "bob", "*")
    await log.share("f", "*", Access.NONE)
    await log.share("f", "carl", Access.NONE)
    dan = Person("dan", "Dan")
    last = {person: (await desk.all(desk.reader(person)))[-1] for person in (ADA, BOB, dan)}
    assert last == {ADA: "5 Shared", BOB: "5 Shared", dan: "4 Shared"}


async def test_where_people_were_is_told_to_owners_and_auditors(
    desk: Desk, log: Log, autojump_clock: MockClock
) -> None:
    await log.add("f", "ada", "bob")
    await log.tell("f", admitted())
    assert (await desk.all(desk.reader(BOB)))[-1] == "4 Admitted"
    assert (await desk.all(desk.reader(ADA)))[-1] == "4 Admitted from ::1"
    assert (await desk.all(desk.reader(EVE)))[-1] == "4 Admitted from ::1"


async def test_who_has_read_the_log_is_told_to_auditors_only(
    desk: Desk, log: Log, autojump_clock: MockClock
) -> None:
    await log.add("f")
    readers = [desk.reader(person) for person in (ADA, EVE)]
    await log.consult("eve", "f")
    assert [await desk.all(reader) for reader in readers] == [
        ["1 Added"],
        ["1 Added", "2 Consulted from ::1"],
    ]


async def test_that_a_file_was_deleted_is_the_last_that_others_are_told_of_it(
    desk: Desk, log: Log, autojump_clock: MockClock
) -> None:
    await log.add("f", "ada", "bob")
    his, hers = desk.reader(BOB, 2), desk.reader(ADA, 2)
    assert await desk.all(his) == []
    await log.tell_file("f", events.Removed(at=at(), by="ada"))
    await log.tell("f", joined())
    assert await desk.all(his) == ["3 Removed"]
    assert await desk.all(hers) == ["3 Removed", "4 Opened", "5 Joined"]


async def test_while_the_journal_fails_readers_wait_and_lose_nothing(
    desk: Desk, log: Log, journal: Counting, caplog: pytest.LogCaptureFixture, autojump_clock: MockClock
) -> None:
    waiting, behind = desk.reader(), desk.reader()
    await log.tell("f", joined())
    assert len(await desk.all(waiting)) == 2
    journal.failing = True
    with caplog.at_level(logging.WARNING):
        assert await desk.all(waiting) == []
        early = desk.reader(BOB)
        await trio.sleep(HOUR)
    assert len(caplog.records) <= 1, "nobody reads the same complaint for an hour"
    journal.failing = False
    await log.add("g", "bob")
    assert await desk.all(waiting) == ["3 Added"]
    assert len(await desk.all(behind)) == 3
    assert await desk.all(early) == ["3 Added"]


async def test_a_reader_that_is_behind_waits_for_the_journal(
    desk: Desk, log: Log, journal: Counting, autojump_clock: MockClock
) -> None:
    await log.tell("f", joined())
    await desk.all(desk.reader(after=2))
    behind = desk.reader()
    journal.failing = True
    assert await desk.all(behind) == []
    journal.failing = False
    assert await desk.all(behind) == ["1 Opened", "2 Joined"]


@pytest.mark.parametrize("recent", [True, False])
async def test_a_damaged_fact_costs_nobody_the_others(
    desk: Desk,
    log: Log,
    journal: Counting,
    recent: bool,
    caplog: pytest.LogCaptureFixture,
    autojump_clock: MockClock,
) -> None:
    reader = desk.reader()
    if recent:
        await desk.all(reader)
    journal.damaged = {2, 4}
    for number in range(2 * PAGE):
        await log.tell("f", joined(f"user {number}"))
    told = await desk.all(reader)
    assert [int(text.split()[0]) for text in told] == [1, 3, *range(5, 2 * PAGE + 2)]
    assert "fact 2 cannot be read" in caplog.text


async def test_a_fault_of_ours_is_logged_and_does_not_end_the_feed(
    log: Log,
    journal: Counting,
    nursery: trio.Nursery,
    caplog: pytest.LogCaptureFixture,
    autojump_clock: MockClock,
) -> None:
    faults = [RuntimeError("a fault")]

    def faulty(recorded: Recorded, names: Mapping[str, str]) -> bytes:
        if faults:
            raise faults.pop()
        return tell(recorded, names)

    with ExitStack() as exits:
        desk = Desk(Feed(journal, faulty), exits)
        nursery.start_soon(desk.feed.run)
        reader = desk.reader()
        await desk.all(reader)
        await log.tell("f", joined())
        assert await desk.all(reader) == ["1 Opened", "2 Joined"]
    assert "following the log failed" in caplog.text


async def test_what_is_not_for_a_reader_moves_it_along(
    desk: Desk, log: Log, journal: Counting, autojump_clock: MockClock
) -> None:
    reader = desk.reader(BOB)
    await desk.all(reader)
    await log.tell("hers", joined())
    assert await desk.all(reader) == []
    assert reader.position == 2, "or it would read all that again when it comes again"


@pytest.mark.parametrize(("kept", "page"), [(1, 2), (2, 3), (5, 1), (3, 100)])
async def test_wherever_a_reader_begins_it_gets_the_rest(
    log: Log, journal: Counting, nursery: trio.Nursery, kept: int, page: int, autojump_clock: MockClock
) -> None:
    with ExitStack() as exits:
        desk = following(journal, nursery, exits, kept=kept, page=page)
        await desk.all(desk.reader())
        await log.tell("f", *[joined(f"user {number}") for number in range(9)])
        for after in range(10):
            told = await desk.all(desk.reader(after=after))
            assert [int(text.split()[0]) for text in told] == list(range(after + 1, 11))


async def test_what_is_not_for_a_reader_that_is_behind_is_not_even_told(
    log: Log, journal: Counting, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    def never(recorded: Recorded, names: Mapping[str, str]) -> bytes:
        raise AssertionError("whoever is far behind makes work of the whole log")

    await log.tell("hers", joined())
    with ExitStack() as exits:
        desk = Desk(Feed(journal, never), exits)
        nursery.start_soon(desk.feed.run)
        reader = desk.reader(BOB)
        assert await desk.all(reader) == []
        assert reader.position == 2


async def test_a_burst_is_read_at_once(
    desk: Desk, log: Log, journal: Counting, autojump_clock: MockClock
) -> None:
    reader = desk.reader()
    await desk.all(reader)
    for number in range(50):
        await log.tell("f", joined(f"user {number}"))
    assert len(await desk.all(reader)) == 51
    assert len(journal.pages) == 2, "the first fact at once, and what came while its readers were told"
