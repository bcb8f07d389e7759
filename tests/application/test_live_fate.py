"""Whatever is recorded, lent, cut and restarted meanwhile, each reader gets exactly what is theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from application.journal import Query, Recorded
from application.live import Feed
from application.people import Person
from application.readers import Reader, parting_of
from domain.words import Access
from tests.application.reading import ADA, BOB, EVE, Counting, Log, tell
from tests.story import admitted, joined, left

FILES = ("hers", "his", "both", "lent")
READERS: tuple[tuple[Person, dict[str, str]], ...] = (
    (EVE, {}),
    (ADA, {}),
    (BOB, {}),
    (BOB, {"file": "both"}),
    (BOB, {"file": "lent"}),
    (EVE, {"key": "khis"}),
    (ADA, {"file": "hers", "key": "khers"}),
)

steps = st.one_of(
    st.tuples(st.just("tell"), st.sampled_from(FILES), st.integers(1, 6)),
    st.tuples(st.just("lend"), st.booleans(), st.just(0)),
    st.tuples(st.just("consult"), st.sampled_from(FILES), st.just(0)),
    st.tuples(st.just("read"), st.integers(0, len(READERS) - 1), st.sampled_from([0, 0.001, 0.03, 5])),
    st.tuples(st.just("leave"), st.integers(0, len(READERS) - 1), st.just(0)),
    st.tuples(st.just("fail"), st.booleans(), st.just(0)),
    st.tuples(st.just("wait"), st.sampled_from([0, 0.01, 3, 100]), st.just(0)),
    st.tuples(st.just("restart"), st.just(0), st.just(0)),
)


@dataclass
class Play:
    nursery: trio.Nursery
    kept: int
    page: int
    journal: Counting = field(default_factory=Counting)
    places: list[int] = field(default_factory=lambda: [0] * len(READERS))
    told: list[list[str]] = field(default_factory=lambda: [[] for _ in READERS])
    here: dict[int, trio.CancelScope] = field(default_factory=dict)
    lent: bool = True
    settled: bool = False  # the feed knows everything there is

    async def begin(self) -> None:
        self.log = Log(self.journal)
        await self.log.add("hers", "ada")
        await self.log.add("his", "bob")
        await self.log.add("both", "ada", "bob")
        await self.log.add("lent", "ada", "bob")
        self.restart()

    async def do(self, step: tuple[Any, Any, Any]) -> None:
        match step:
            case ("read", number, pause) if number not in self.here:
                self.here[number] = trio.CancelScope()
                self.nursery.start_soon(self.read, number, pause, self.here[number])
            case ("leave", number, _):
                self.leave(number)
            case ("fail", failing, _):
                self.journal.failing, self.settled = failing, False
            case ("wait", seconds, _):
                await trio.sleep(seconds)
                self.settled = seconds > 2 and not self.journal.failing and bool(self.here)
            case ("restart", _, _):
                self.restart()
            case ("read", _, _):
                pass  # it does
            case _ if not self.journal.failing:
                self.settled = False
                await self.write(step)

    async def write(self, step: tuple[Any, Any, Any]) -> None:
        match step:
            case ("tell", file, count):
                await self.log.tell(file, *[admitted(), joined(), left()][: count % 3 + 1])
            case ("lend", lend, _):
                self.lent = lend
                await self.log.share("lent", "bob", Access.VIEW if lend else Access.NONE)
            case ("consult", file, _):
                await self.log.consult("eve", file)

    async def read(self, number: int, pause: float, scope: trio.CancelScope) -> None:
        """As a connection does that is cut at any moment, and was as slow as its pauses before."""
        person, query = READERS[number]
        reader = Reader(person, Query(**query), self.places[number])  # type: ignore[arg-type]
        with scope, self.feed.reading(reader):
            while True:
                told = [text.decode() for text in await self.feed.take(reader)]
                self.told[number] += told
                self.places[number] = reader.position
                if self.settled and not self.lent and person == BOB:
                    assert _places(told).isdisjoint(self.positions(_was_for_borrowers))
                await trio.sleep(pause)

    def leave(self, number: int) -> None:
        if number in self.here:
            self.here.pop(number).cancel()

    def restart(self) -> None:
        for number in range(len(READERS)):
            self.leave(number)
        self.feed = Feed(self.journal, tell, kept=self.kept, page=self.page)
        self.nursery.start_soon(self.feed.run)
        self.settled = False

    async def finish(self) -> None:
        self.journal.failing = False
        for number in range(len(READERS)):
            await self.do(("read", number, 0))
        await trio.sleep(1000)

    def positions(self, wanted: Callable[[Recorded], bool]) -> set[int]:
        return {fact.position for fact in self.journal.kept if wanted(fact)}

    def check(self) -> None:
        for number, (person, query) in enumerate(READERS):
            theirs = self.positions(lambda fact: _fits(fact, query) and _may_see(fact, person))  # noqa: B023
            maybe = self.positions(lambda fact: person == BOB and fact.file == "lent")  # noqa: B023
            told = [int(text.split()[0]) for text in self.told[number]]
            assert told == sorted(set(told)), "in order, and none twice"
            assert set(told) - maybe == theirs - maybe
            assert set(told) <= theirs | maybe
            if person == BOB:
                taken = self.positions(lambda fact: _fits(fact, query) and bool(parting_of(fact.event)))  # noqa: B023
                assert set(told) >= taken, "whatever else they may see by then"
            for text in self.told[number]:
                hers = ["hers", "both", "lent"] if person == ADA else FILES if person == EVE else ["his"]
                fact = self.journal.kept[int(text.split()[0]) - 1]
                assert (" from ::1" in text) == (hasattr(fact.event, "address") and fact.file in hers)


def _places(told: Iterable[str]) -> set[int]:
    return {int(text.split()[0]) for text in told}


def _fits(fact: Recorded, query: dict[str, str]) -> bool:
    key = query.get("key")
    return query.get("file", fact.file) == fact.file and (key is None or fact.stream == f"document/{key}")


def _was_for_borrowers(fact: Recorded) -> bool:
    return fact.file == "lent" and parting_of(fact.event) is None


def _may_see(fact: Recorded, person: Person) -> bool:
    if person == EVE:
        return True
    theirs = {"ada": ["hers", "both", "lent"], "bob": ["his", "both"]}[person.id]
    return fact.file in theirs and not fact.stream.startswith("reader/")


@given(st.lists(steps, max_size=40), st.sampled_from([1, 3, 8, 1000]), st.sampled_from([1, 2, 5, 100]))
@settings(max_examples=150, deadline=None)
def test_each_reader_is_told_exactly_what_is_theirs_in_order(
    script: list[tuple[Any, Any, Any]], kept: int, page: int
) -> None:
    async def scenario() -> None:
        with trio.fail_after(10**6):
            async with trio.open_nursery() as nursery:
                play = Play(nursery, kept, page)
                await play.begin()
                for step in script:
                    await play.do(step)
                await play.finish()
                play.check()
                nursery.cancel_scope.cancel()

    trio.run(scenario, clock=MockClock(autojump_threshold=0))
