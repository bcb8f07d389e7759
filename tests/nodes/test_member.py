"""A node among others, against a server of locks in memory and a clock that is wound by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from random import Random

import pytest
import trio
from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from application.nodes import ALL
from infrastructure.nodes.member import BELIEVED, PAUSE
from tests.nodes.fake_server import IDLE, Host, Server

SOON = 60.0  # seconds by which all is even again, whatever has been
QUICK = 2.0  # seconds
NOTHING: frozenset[int] = frozenset()


class Cluster:
    def __init__(self, nursery: trio.Nursery, server: Server) -> None:
        self.server = server
        self._nursery = nursery
        self._lives: dict[Host, trio.CancelScope] = {}

    @property
    def hosts(self) -> list[Host]:
        return self.server.hosts

    async def start(self) -> Host:
        host, life = Host(), trio.CancelScope()
        session = await self.server.enter(host)
        self.hosts.append(host)
        self._lives[host] = life

        async def live() -> None:
            with life:
                await host.member.run(session)

        self._nursery.start_soon(live)
        return host

    def kill(self, host: Host) -> None:
        self.hosts.remove(host)
        self._lives[host].cancel()

    async def settled(self, seconds: float = SOON) -> None:
        """Until what the nodes believe is even and complete."""
        with trio.fail_after(seconds):
            while not self._is_settled():  # noqa: ASYNC110 (several views are looked at)
                await trio.sleep(0.2)

    def _is_settled(self) -> bool:
        believed = [host.member.shards for host in self.hosts]
        sizes = [len(shards) for shards in believed]
        others = {host.member.others for host in self.hosts}
        even = sum(sizes) == len(ALL) and max(sizes) - min(sizes) <= 1
        return even and NOTHING.union(*believed) == ALL and others == {len(believed) - 1}


@pytest.fixture
async def cluster(nursery: trio.Nursery, autojump_clock: MockClock) -> AsyncIterator[Cluster]:
    yield Cluster(nursery, Server())
    nursery.cancel_scope.cancel()


async def test_who_is_alone_has_everything_within_a_second_or_two(
    cluster: Cluster, autojump_clock: MockClock
) -> None:
    host = await cluster.start()
    assert host.member.others == 1, "nobody knows yet"
    await cluster.settled(QUICK)
    assert host.member.shards == ALL
    assert host.member.others == 0


async def test_shards_follow_as_nodes_come_leave_and_die(cluster: Cluster, autojump_clock: MockClock) -> None:
    hosts = [await cluster.start() for _ in range(3)]
    await cluster.settled(QUICK)
    hosts.append(await cluster.start())
    await cluster.settled(QUICK)
    assert [len(host.member.shards) for host in hosts] == [16, 16, 16, 16]
    cluster.kill(hosts[1])
    await cluster.settled(QUICK)


async def test_who_was_stopped_believes_nothing_on_waking_up(
    cluster: Cluster, autojump_clock: MockClock
) -> None:
    first, second = await cluster.start(), await cluster.start()
    await cluster.settled()
    first.stopped = trio.current_time() + 15
    with trio.fail_after(IDLE + QUICK):
        while second.member.shards != ALL:  # noqa: ASYNC110
            await trio.sleep(0.2)
    await trio.sleep_until(first.stopped)
    assert first.member.shards == NOTHING
    await cluster.settled()


async def test_waiting_for_a_change_ends_when_belief_does(
    cluster: Cluster, autojump_clock: MockClock
) -> None:
    host = await cluster.start()
    await cluster.settled()
    host.cut = trio.current_time() + 60
    with trio.fail_after(BELIEVED + PAUSE):
        assert await host.member.changed(ALL) == NOTHING
    assert host.member.silence == pytest.approx(BELIEVED)
    assert host.member.others == 1, "somebody may have come"
    assert await host.member.changed(NOTHING) == ALL
    assert trio.current_time() > host.cut


async def test_an_answer_that_takes_long_costs_belief_only_for_so_long(
    cluster: Cluster, autojump_clock: MockClock
) -> None:
    host = await cluster.start()
    await cluster.settled()
    (number,) = cluster.server.sessions
    host.cut = trio.current_time() + BELIEVED + 1
    assert await host.member.changed(ALL) == NOTHING
    assert await host.member.changed(NOTHING) == ALL
    assert cluster.server.sessions.keys() == {number}, "it is still the same session"


async def test_after_a_crash_nobody_takes_what_one_who_was_cut_off_may_still_believe(
    cluster: Cluster, autojump_clock: MockClock
) -> None:
    near, far = await cluster.start(), await cluster.start()
    await cluster.settled()
    far.cut = trio.current_time() + 20
    cluster.server.crash(0.5)
    assert far.member.shards
    await trio.sleep(5)
    assert not near.member.shards
    with trio.fail_after(5):
        await near.member.changed(NOTHING)


async def test_alone_it_is_back_as_soon_as_the_server_is(cluster: Cluster, autojump_clock: MockClock) -> None:
    await cluster.start()
    await cluster.settled()
    cluster.server.crash(1)
    await cluster.settled(1 + QUICK)


PACE = st.floats(0, 12)
TROUBLE = st.tuples(st.sampled_from(["start", "kill", "stop", "cut", "crash"]), st.integers(0, 9), PACE)


@settings(max_examples=250, phases=set(Phase) - {Phase.explain})  # of Trio it explains nothing
@given(st.lists(st.tuples(PACE, TROUBLE), min_size=1, max_size=8), st.integers(0, 2**32))
def test_two_never_believe_the_same_and_all_ends_well(
    troubles: list[tuple[float, tuple[str, int, float]]], seed: int
) -> None:
    """`Server.grant` looks at every belief, at each moment at which one may become false."""
    note(f"{troubles}, {seed}")
    chance = Random(seed)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            cluster = Cluster(nursery, Server(lambda: chance.random() ** 4))
            for _ in range(3):
                await cluster.start()
            for pause, trouble in troubles:
                await trio.sleep(pause)
                await befall(cluster, *trouble)
            await cluster.settled()
            nursery.cancel_scope.cancel()

    trio.run(main, clock=MockClock(autojump_threshold=0))


async def befall(cluster: Cluster, what: str, which: int, seconds: float) -> None:
    host = cluster.hosts[which % len(cluster.hosts)]
    match what:
        case "start" if len(cluster.hosts) < 6 and trio.current_time() >= cluster.server.down:
            await cluster.start()
        case "kill" if len(cluster.hosts) > 1:
            cluster.kill(host)
        case "stop":
            host.stopped = trio.current_time() + seconds * 2
        case "cut":
            host.cut = trio.current_time() + seconds * 2
        case "crash":
            cluster.server.crash(seconds)
