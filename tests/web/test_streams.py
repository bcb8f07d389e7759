"""The life of one event stream, on a mock clock: its heartbeat, and everything that ends it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from application.journal import Query
from application.live import Feed
from application.people import Person
from application.readers import Reader
from tests.application.reading import BOB, EVE, Log
from tests.fake_journal import FakeJournal
from tests.story import joined
from web import streams as limits
from web.connections import SEVER
from web.live import HEARTBEAT, LONGEST, EventStream, encoded
from web.streams import MOST, PER_ADDRESS, STALLED, Crowded, Streams, TooManyStreams


@dataclass
class Client:
    """What a connection takes, until it takes nothing or leaves."""

    took: list[bytes] = field(default_factory=list)
    taking: trio.Event = field(default_factory=trio.Event)
    gone: trio.Event = field(default_factory=trio.Event)
    over: bool = False

    def take(self) -> None:
        self.taking.set()

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        with trio.CancelScope(shield=True):  # as Hypercorn does
            await self.taking.wait()
        if message["type"] == "http.response.body":
            self.took.append(message["body"])
            self.over = not message["more_body"]


@dataclass
class Context:
    feed: Feed
    streams: Streams
    subject_of: Any = str
    address_of: Any = lambda scope: scope["address"]


class Stage:
    def __init__(self, nursery: trio.Nursery) -> None:
        self.closing = trio.Event()
        self.journal = FakeJournal()
        self.log = Log(self.journal)
        self.context = Context(Feed(self.journal, encoded), Streams(self.closing))
        self.ended = 0
        self.clients: list[Client] = []
        self._nursery = nursery
        nursery.start_soon(self.context.feed.run)
        nursery.start_soon(self.context.streams.run)

    async def connect(self, person: Person = EVE, *, taking: bool = True, address: str = "here") -> Client:
        client = Client()
        self.clients.append(client)
        if taking:
            client.take()
        self._nursery.start_soon(self._serve, client, person, address)
        await wait_all_tasks_blocked()
        return client

    async def _serve(self, client: Client, person: Person, address: str) -> None:
        stream = EventStream(self.context, Reader(person, Query(), 0), b"begun\n\n")  # type: ignore[arg-type]
        scope: Any = {"method": "GET", "address": address, SEVER: client.take}
        await stream(scope, client.receive, client.send)
        self.ended += 1

    def admitted(self, person: str, address: str) -> AbstractContextManager[None]:
        return self.context.streams.admitted(limits.Stream(Client().send, print), person, address)


@pytest.fixture
async def stage(nursery: trio.Nursery) -> AsyncIterator[Stage]:
    stage = Stage(nursery)
    yield stage
    for client in stage.clients:
        client.take()


async def test_a_stream_says_at_once_that_it_has_begun_and_when_to_come_again(
    stage: Stage, autojump_clock: MockClock
) -> None:
    client = await stage.connect()
    assert client.took == [b"retry: 2000\nbegun\n\n"]


async def test_it_gives_a_sign_of_life(stage: Stage, autojump_clock: MockClock) -> None:
    client = await stage.connect()
    await trio.sleep(3 * HEARTBEAT + 1)
    assert client.took[1:] == [b":\n\n"] * 3


async def test_it_says_how_far_the_log_has_come_without_what_is_for_others(
    stage: Stage, autojump_clock: MockClock
) -> None:
    client = await stage.connect(BOB)
    await stage.log.tell("hers", joined())
    await trio.sleep(HEARTBEAT + 1)
    assert client.took[1:] == [b'id: 2\nevent: position\ndata: {"position": 2}\n\n']


async def test_facts_are_sent_as_they_come(stage: Stage, autojump_clock: MockClock) -> None:
    client = await stage.connect()
    await stage.log.tell("f", joined())
    await trio.sleep(1)
    (both,) = client.took[1:]
    assert both.startswith(b"id: 1\nevent: Opened\ndata: {")
    assert b"\n\nid: 2\nevent: Joined\ndata: {" in both


async def test_whoever_takes_nothing_is_cut_off_and_the_others_go_on(
    stage: Stage, autojump_clock: MockClock
) -> None:
    quick, stalled = await stage.connect(), await stage.connect()
    stalled.taking = trio.Event()
    took = len(stalled.took)
    await stage.log.tell("f", joined())
    await trio.sleep(STALLED - 1)
    assert (stage.ended, len(stage.context.streams)) == (0, 2)
    await trio.sleep(3)
    assert (stage.ended, len(stage.context.streams)) == (1, 1)
    assert (len(stalled.took), stalled.over) == (took + 1, False)
    await stage.log.tell("f", joined("bob"))
    await trio.sleep(1)
    assert b"event: Joined" in quick.took[-1]


async def test_whoever_leaves_makes_room(stage: Stage, autojump_clock: MockClock) -> None:
    client = await stage.connect()
    assert len(stage.context.streams) == 1
    client.gone.set()
    await wait_all_tasks_blocked()
    assert (stage.ended, len(stage.context.streams)) == (1, 0)


async def test_after_an_hour_a_reader_has_to_show_itself_again(
    stage: Stage, autojump_clock: MockClock
) -> None:
    client = await stage.connect()
    await trio.sleep(LONGEST + 1)
    assert (client.over, stage.ended) == (True, 1)


async def test_all_end_at_once_when_the_service_does(stage: Stage, autojump_clock: MockClock) -> None:
    listening = await stage.connect()
    await stage.connect(taking=False)
    began = trio.current_time()
    stage.closing.set()
    await wait_all_tasks_blocked()
    assert (listening.over, stage.ended) == (True, 2)
    assert trio.current_time() == began
    with pytest.raises(Crowded), stage.admitted("late", "there"):
        pass


async def test_an_address_and_the_service_have_a_bound_too(stage: Stage, autojump_clock: MockClock) -> None:
    with ExitStack() as stays:
        for number in range(PER_ADDRESS):
            stays.enter_context(stage.admitted(f"person {number}", "office"))
        with pytest.raises(TooManyStreams, match="your address"), stage.admitted("another", "office"):
            pass
        for number in range(MOST - PER_ADDRESS):
            stays.enter_context(stage.admitted(f"person {number}", f"address {number}"))
        with pytest.raises(Crowded, match="Try again"), stage.admitted("another", "elsewhere"):
            pass
    with stage.admitted("another", "office"):
        assert len(stage.context.streams) == 1
