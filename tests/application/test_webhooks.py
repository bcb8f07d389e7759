"""Receivers of webhooks: each is told what is for it, in order, for as long as it takes."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from application.announcing import Message
from application.journal import JournalFailed
from application.webhooks import AGAIN, LONGEST, SORRY, STORE, Means, Place, Undelivered, Webhooks
from domain import events
from domain.words import CloseReason, Next, Source, Trigger
from tests.application.reading import Counting, Log
from tests.story import NOON, admitted, at, closed, joined

A, B = "http://a.test/hook", "http://b.test/hook"


@dataclass
class FakePlaces:
    journal: Counting
    stored: dict[str, Place] = field(default_factory=dict)
    writes: int = 0
    failing: bool = False

    async def welcome(self, urls: Collection[str]) -> None:
        await self._reach()
        end = await self.journal.position()
        self.stored = {url: Place(end) for url in urls} | self.stored

    async def begin(self, urls: Collection[str]) -> Mapping[str, Place]:
        await self.welcome(urls)
        self.stored = {url: self.stored[url] for url in urls}
        return dict(self.stored)

    async def put(self, url: str, place: Place) -> None:
        await self._reach()
        self.stored[url] = place
        self.writes += 1

    async def _reach(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.failing:
            raise JournalFailed("no disk")


@dataclass
class FakePost:
    """What each url has taken; `refusing` says why it takes nothing."""

    taken: dict[str, list[Message]] = field(default_factory=lambda: defaultdict(list))
    tried: list[tuple[float, str]] = field(default_factory=list)
    refusing: dict[str, Undelivered] = field(default_factory=dict)
    seconds: float = 0.0

    async def __call__(self, url: str, message: Message) -> None:
        self.tried.append((trio.current_time(), url))
        await trio.sleep(self.seconds)
        if url in self.refusing:
            raise self.refusing[url]
        self.taken[url].append(message)

    def types(self, url: str = A) -> list[str]:
        return [str(json.loads(message.body)["type"]) for message in self.taken[url]]

    def positions(self, url: str = A) -> list[int]:
        return [int(self.data(url, number)["position"]) for number in range(len(self.taken[url]))]

    def data(self, url: str = A, number: int = -1) -> dict[str, Any]:
        return dict(json.loads(self.taken[url][number].body)["data"])


class Stage:
    def __init__(self, nursery: trio.Nursery) -> None:
        self.journal = Counting()
        self.log = Log(self.journal)
        self.places = FakePlaces(self.journal)
        self.post = FakePost()
        self._nursery = nursery
        self._scope = trio.CancelScope()

    def webhooks(self, *urls: str) -> Webhooks:
        return Webhooks(Means(self.journal, self.places, self.post, now, lambda: 1.0), urls or (A,))

    def start(self, *urls: str) -> Webhooks:
        webhooks = self.webhooks(*urls)
        self._scope = trio.CancelScope()
        self._nursery.start_soon(self._run, webhooks, self._scope)
        return webhooks

    async def _run(self, webhooks: Webhooks, scope: trio.CancelScope) -> None:
        with scope:
            await webhooks.run()

    def kill(self) -> None:
        self._scope.cancel()


def now() -> datetime:
    return NOON + timedelta(seconds=trio.current_time())


def version(number: int = 2, trigger: Trigger = Trigger.FINAL, seconds: float = 0) -> events.VersionAdded:
    return events.VersionAdded(
        at=at(seconds),
        number=number,
        sha256=f"{number:064d}",
        size=7,
        trigger=trigger,
        filetype="docx",
        head=trigger is not Trigger.CONFLICT,
        users=("ada",),
        key="kf",
    )


def errored(next_: Next, source: Source = Source.DOWNLOAD) -> events.Errored:
    return events.Errored(at=at(), source=source, detail="HTTP 404", attempt=3, next=next_)


@pytest.fixture
def stage(nursery: trio.Nursery) -> Stage:
    return Stage(nursery)


async def test_what_was_saved_what_failed_and_what_is_closed_is_told_in_order(
    stage: Stage, autojump_clock: MockClock
) -> None:
    stage.start()
    await trio.sleep(1)
    await stage.log.add("f")
    await stage.log.tell("f", admitted(), joined())
    await stage.log.tell_file("f", version(), version(3, Trigger.CONFLICT))
    await stage.log.tell("f", errored(Next.GIVE_UP), closed(CloseReason.SAVED))
    await trio.sleep(1)
    assert stage.post.types() == ["document.saved", "document.conflict", "document.failed", "document.closed"]
    assert stage.post.positions() == [5, 6, 7, 8]
    assert stage.places.stored[A].position == 8


async def test_what_needs_nobody_is_not_told(stage: Stage, autojump_clock: MockClock) -> None:
    stage.start()
    await trio.sleep(1)
    for next_ in (Next.RETRY, Next.GO_ON):
        await stage.log.tell("f", errored(next_))
    await trio.sleep(1)
    assert stage.post.tried == []


async def test_a_new_receiver_begins_now_and_one_that_is_taken_out_is_forgotten(
    stage: Stage, autojump_clock: MockClock
) -> None:
    await stage.log.add("f")
    await stage.log.tell_file("f", version())
    stage.start(A)
    await trio.sleep(1)
    await stage.log.tell_file("f", version(3))
    await trio.sleep(1)
    stage.kill()
    stage.start(B)
    await trio.sleep(1)
    await stage.log.tell_file("f", version(4))
    await trio.sleep(1)
    assert (stage.post.positions(A), stage.post.positions(B)) == ([3], [4])
    assert list(stage.places.stored) == [B]


async def test_what_is_recorded_before_a_new_receiver_can_be_told_is_told_once_it_can_be(
    stage: Stage, autojump_clock: MockClock
) -> None:
    await stage.log.add("f")
    await stage.webhooks(A, B).welcome()
    await stage.log.tell_file("f", version())
    stage.places.failing = True
    await stage.webhooks(A, B).welcome()
    stage.places.failing = False
    stage.start(A, B)
    await trio.sleep(1)
    assert (stage.post.positions(A), stage.post.positions(B)) == ([2], [2])


async def test_who_is_down_holds_up_nobody_else_and_is_told_everything_when_back(
    stage: Stage, autojump_clock: MockClock
) -> None:
    stage.post.refusing[A] = Undelivered("HTTP 500")
    webhooks = stage.start(A, B)
    await trio.sleep(1)
    await stage.log.add("f")
    for number in range(2, 6):
        await stage.log.tell_file("f", version(number))
    await trio.sleep(7200)
    assert stage.post.positions(B) == [2, 3, 4, 5]
    assert stage.post.positions(A) == []
    down, up = await webhooks.lags()
    assert (down.events, down.trouble, up.events, up.seconds) == (4, "HTTP 500", 0, 0)
    assert down.seconds == pytest.approx(7201)
    assert down.attempts == stage.places.stored[A].attempts > 20
    del stage.post.refusing[A]
    await trio.sleep(LONGEST)
    assert stage.post.positions(A) == [2, 3, 4, 5]
    assert stage.places.stored[A] == Place(5)


async def test_attempts_grow_rarer_up_to_a_bound_and_never_end(
    stage: Stage, autojump_clock: MockClock
) -> None:
    stage.post.refusing[A] = Undelivered("connection refused")
    stage.start()
    await trio.sleep(1)
    await stage.log.add("f")
    await stage.log.tell_file("f", version())
    await trio.sleep(7 * 24 * 3600)
    times = [time for time, _ in stage.post.tried]
    pauses = [after - before for before, after in pairwise(times)]
    assert pauses[:10] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]
    assert set(pauses[9:]) == {300}
    assert times[-1] > 7 * 24 * 3600 - 301


@pytest.mark.parametrize(("wait", "pause"), [(120, 120), (10**9, SORRY), (-5, 1)])
async def test_a_receiver_may_ask_for_time(
    stage: Stage, autojump_clock: MockClock, wait: float, pause: float
) -> None:
    stage.post.refusing[A] = Undelivered("HTTP 429", wait)
    stage.start()
    await trio.sleep(1)
    await stage.log.add("f")
    await stage.log.tell_file("f", version())
    await trio.sleep(2 * SORRY)
    (first, _), (second, _) = stage.post.tried[:2]
    assert second - first == pause


async def test_the_log_has_an_alarm_at_once_after_an_hour_and_daily(
    stage: Stage, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    stage.post.refusing[A] = Undelivered("HTTP 500")
    stage.start()
    await trio.sleep(1)
    await stage.log.add("f")
    await stage.log.tell_file("f", version())
    await trio.sleep(3 * 24 * 3600)
    levels = [record.levelno for record in caplog.records if "HTTP 500" in record.getMessage()]
    assert levels == [logging.WARNING, logging.ERROR, logging.ERROR, logging.ERROR]


async def test_what_follows_the_host_in_a_url_is_in_no_log_and_no_metric(
    stage: Stage, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    urls = [f"https://hooks.test/services/{secret}" for secret in ("T0PSECRET", "T1PSECRET")]
    for url in urls:
        stage.post.refusing[url] = Undelivered("HTTP 500")
    webhooks = stage.start(*urls)
    await trio.sleep(1)
    await stage.log.add("f")
    await stage.log.tell_file("f", version())
    await trio.sleep(1)
    assert [lag.receiver for lag in await webhooks.lags()] == ["https://hooks.test", "https://hooks.test (2)"]
    assert len(caplog.records) == 2
    assert "PSECRET" not in caplog.text


async def test_a_restart_goes_on_where_it_was_also_with_what_came_meanwhile(
    stage: Stage, autojump_clock: MockClock
) -> None:
    stage.start()
    await trio.sleep(1)
    await stage.log.add("f")
    await stage.log.tell_file("f", version(2))
    await trio.sleep(5)
    stage.kill()
    await stage.log.tell_file("f", version(3))
    stage.start()
    await trio.sleep(5)
    assert stage.post.positions() == [2, 3]


async def test_a_burst_is_told_without_a_write_for_each_event(
    stage: Stage, autojump_clock: MockClock
) -> None:
    stage.post.seconds = 0.01
    stage.start()
    await trio.sleep(1)
    await stage.log.add("f")
    await stage.log.tell_file("f", *[version(number) for number in range(2, 502)])
    await trio.sleep(60)
    assert len(stage.post.taken[A]) == 500
    assert stage.places.stored[A].position == 501
    assert stage.places.writes <= 5 / STORE + 2


async def test_a_place_that_cannot_be_stored_repeats_nothing_while_the_service_lives(
    stage: Stage, autojump_clock: MockClock
) -> None:
    stage.start()
    await trio.sleep(1)
    await stage.log.add("f")
    stage.places.failing = True
    await stage.log.tell_file("f", version(2), version(3))
    await trio.sleep(5)
    stage.places.failing = False
    await stage.log.tell_file("f", version(4))
    await trio.sleep(5)
    assert stage.post.positions() == [2, 3, 4]
    assert stage.places.stored[A].position == 4


async def test_a_journal_that_fails_and_a_fact_that_cannot_be_read_stop_nobody(
    stage: Stage, autojump_clock: MockClock
) -> None:
    stage.places.failing = True
    stage.start()
    await trio.sleep(1)
    stage.places.failing = False
    await trio.sleep(2 * AGAIN)
    await stage.log.add("f")
    stage.journal.damaged = {3}
    await stage.log.tell_file("f", version(2), version(3), version(4))
    stage.journal.failing = True
    await trio.sleep(10)
    assert stage.post.tried == []
    stage.journal.failing = False
    await trio.sleep(10)
    assert stage.post.positions() == [2, 4]


async def test_names_are_those_that_the_log_has_when_it_is_told(
    stage: Stage, autojump_clock: MockClock
) -> None:
    names = {"ada": "Ada"}

    async def known(users: Collection[str]) -> Mapping[str, str]:
        return {user: names[user] for user in users if user in names}

    stage.journal.names = known  # type: ignore[method-assign]
    stage.post.refusing[A] = Undelivered("HTTP 500")
    stage.start(A, B)
    await trio.sleep(1)
    await stage.log.add("f")
    await stage.log.tell_file("f", version())
    await trio.sleep(60)
    assert stage.post.data(B)["users"] == [{"id": "ada", "name": "Ada"}]
    names.clear()  # as `docledger erase` does
    stage.post.refusing.clear()
    await trio.sleep(LONGEST)
    assert stage.post.data(A)["users"] == [{"id": "ada", "name": ""}]


async def test_what_was_read_long_ago_is_read_anew(stage: Stage, autojump_clock: MockClock) -> None:
    stage.post.seconds = 2
    stage.start()
    await trio.sleep(1)
    await stage.log.add("f")
    await stage.log.tell_file("f", *[version(number) for number in range(2, 12)])
    await trio.sleep(60)
    assert stage.post.positions() == list(range(2, 12))
    assert [count for _, count in stage.journal.pages if count] == [10, 7, 4, 1]


async def test_an_event_keeps_its_id_and_another_one_at_its_position_has_another(
    stage: Stage, autojump_clock: MockClock
) -> None:
    stage.start(A, B)
    await trio.sleep(1)
    await stage.log.add("f")
    await stage.log.tell_file("f", version())
    await trio.sleep(1)
    (first,), (second,) = stage.post.taken[A], stage.post.taken[B]
    assert first == second
    assert first.id.startswith("evt_2_")
    restored = Stage(stage._nursery)
    restored.start()
    await trio.sleep(1)
    await restored.log.add("f")
    await restored.log.tell_file("f", replace(version(), at=at(1)))
    await trio.sleep(1)
    (other,) = restored.post.taken[A]
    assert other.id.startswith("evt_2_")
    assert other.id != first.id
