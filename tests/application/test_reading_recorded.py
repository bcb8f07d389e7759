"""The reading of the log is itself on record, before anything is shown."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs

import pytest
import trio
from trio.testing import MockClock

from application.audit import REMEMBERED, Audit, Reader
from application.changes import ReadingChange
from application.journal import JournalFailed, Query
from application.people import AUDITOR, Person
from domain import events
from tests.fake_journal import FakeJournal
from tests.story import NOON, at

EVE = Reader(Person("eve", "Eve", AUDITOR), "::1")
QUERY = Query(types=["Saved"])


@pytest.fixture
def audit(journal: FakeJournal) -> Audit:
    return Audit(journal, lambda: NOON + timedelta(seconds=trio.current_time()))


def readings(journal: FakeJournal) -> list[events.Consulted]:
    return [fact for _, _, fact in journal.log if isinstance(fact, events.Consulted)]


async def test_a_reading_is_a_fact_of_its_readers_stream(audit: Audit, journal: FakeJournal) -> None:
    query = Query(file="f", key="k", users=["ada", "bob"], types=["Saved", "Left"], since=at(), until=at(60))
    page = await audit.page(await audit.everything(EVE), query)
    assert page.entries == []
    ((stream, number, fact),) = journal.log
    assert (stream, number) == ("reader/eve", 1)
    assert isinstance(fact, events.Consulted)
    assert (fact.user, fact.name, fact.address, fact.what) == ("eve", "Eve", "::1", "the whole log")
    assert (fact.file, fact.key) == ("f", "k")
    assert parse_qs(fact.filters) == {
        "user": ["ada,bob"],
        "type": ["Left,Saved"],
        "from": ["2026-11-23T12:00:00+00:00"],
        "to": ["2026-11-23T12:01:00+00:00"],
    }


async def test_a_reader_sees_that_reading_too(audit: Audit) -> None:
    page = await audit.page(await audit.everything(EVE), Query())
    assert [entry.text for entry in page.entries] == ["Eve read the whole log, from ::1."]


async def test_the_same_question_is_one_reading_for_ten_minutes(
    audit: Audit, journal: FakeJournal, autojump_clock: MockClock
) -> None:
    view = await audit.everything(EVE)
    for place in ({}, {"before": 9}, {"after": 3}, {"limit": 2}):
        await audit.page(view, QUERY, **place)
        await trio.sleep(149)
    assert len(readings(journal)) == 1
    await trio.sleep(10)
    await audit.page(view, QUERY)
    await audit.page(view, QUERY)
    assert len(readings(journal)) == 2


async def test_another_question_is_another_reading(audit: Audit, journal: FakeJournal) -> None:
    elsewhere = EVE._replace(address="::2")
    for reader, query in (
        (EVE, QUERY),
        (EVE, Query()),
        (elsewhere, QUERY),
        (EVE, Query(file="f")),
        (EVE, QUERY),
    ):
        await audit.page(await audit.everything(reader), query)
    assert len(readings(journal)) == 4


async def test_each_export_is_a_reading(audit: Audit, journal: FakeJournal) -> None:
    view = await audit.everything(EVE)
    await audit.page(view, QUERY)
    for form in ("csv", "csv", "jsonl"):
        await (await audit.export(view, QUERY, form)).aclose()
    assert [fact.what for fact in readings(journal)] == [
        *("the whole log", "the whole log, as csv", "the whole log, as csv", "the whole log, as jsonl"),
    ]


async def test_nothing_is_shown_that_cannot_be_recorded(audit: Audit, journal: FakeJournal) -> None:
    view = await audit.everything(EVE)

    async def fail(*_changes: object) -> None:
        raise JournalFailed("the disk is full")

    append = journal.append
    journal.append = fail  # type: ignore[method-assign]
    with pytest.raises(JournalFailed):
        await audit.page(view, QUERY)
    with pytest.raises(JournalFailed):
        await audit.export(view, QUERY, "csv")
    journal.append = append  # type: ignore[method-assign]
    await audit.page(view, QUERY)
    assert len(readings(journal)) == 1, "what failed does not count as recorded"


async def test_a_journal_that_hangs_is_not_waited_for_long(
    audit: Audit, journal: FakeJournal, autojump_clock: MockClock
) -> None:
    view = await audit.everything(EVE)
    journal.hanging = 3600
    with trio.fail_after(11), pytest.raises(JournalFailed):
        await audit.page(view, QUERY)


async def test_a_crowd_of_questions_is_recorded_one_by_one(
    audit: Audit, journal: FakeJournal, autojump_clock: MockClock
) -> None:
    journal.hanging = 0.01
    view = await audit.everything(EVE)
    async with trio.open_nursery() as nursery:
        for number in range(60):
            nursery.start_soon(audit.consult, view, Query(key=f"k{number % 30}"))
    assert sorted(str(fact.key) for fact in readings(journal)) == sorted(f"k{number}" for number in range(30))


class Contested(FakeJournal):
    """Another process records a reading of the same reader's, whenever it is looked how many there are."""

    async def reading_version(self, reader: str) -> int:
        version = await super().reading_version(reader)
        if version < self.contests:
            other = events.Consulted(at=at(), user=reader, name="", address="", what="elsewhere")
            await super().append(ReadingChange(reader, version, [other]))
        return version

    contests = 3


@pytest.mark.parametrize("contests", [3, 300])
async def test_a_reading_that_others_overtake_is_tried_again(
    contests: int, autojump_clock: MockClock
) -> None:
    journal = Contested()
    journal.contests = contests
    audit = Audit(journal, lambda: NOON)
    await audit.page(await audit.everything(EVE), QUERY)
    assert [fact.what for fact in readings(journal)] == ["elsewhere"] * contests + ["the whole log"]


async def test_only_so_many_readings_are_remembered(audit: Audit, journal: FakeJournal) -> None:
    view = await audit.everything(EVE)
    keys = [f"k{number}" for number in range(REMEMBERED + 1)]
    for key in [*keys, *keys[-3:], keys[0], keys[-1]]:
        await audit.consult(view, Query(key=key))
    assert [fact.key for fact in readings(journal)] == [*keys, keys[0]]
