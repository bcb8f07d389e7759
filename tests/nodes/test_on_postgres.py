"""Nodes that are processes, on a real PostgreSQL: killed, stopped, cut off, and never two for one shard."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infrastructure.journal.postgres.upgrading import prepare
from infrastructure.nodes.member import BELIEVED, since_boot
from tests.engines.postgres import Postgres
from tests.engines.relay import Relay
from tests.nodes.processes import Cluster, Node, cluster
from tests.service import eventually

IDLE = 10.0  # seconds after which the server ends a session that says nothing
BUSY = 2.0  # seconds by which a busy machine may be late

pytestmark = pytest.mark.scale


@pytest.fixture
def nodes(postgres_database: str, tmp_path: Path) -> Iterator[Cluster]:
    prepare(postgres_database)
    with cluster(postgres_database, tmp_path) as nodes:
        yield nodes
        assert nodes.disputed() == []


@pytest.fixture
def relay(postgres: Postgres) -> Iterator[Relay]:
    relay = Relay(postgres.port)
    yield relay
    relay.close()


def three(nodes: Cluster) -> list[Node]:
    started = [nodes.start() for _ in range(3)]
    nodes.settled(*started)
    return started


def through(relay: Relay, url: str) -> str:
    host, _, database = url.rpartition("/")
    return f"{host.rpartition(':')[0]}:{relay.port}/{database}"


def test_they_share_evenly_as_they_come_and_leave(nodes: Cluster) -> None:
    first = nodes.start()
    nodes.settled(first)
    second, third = nodes.start(), nodes.start()
    nodes.settled(first, second, third)
    assert sorted(len(node.shards) for node in (first, second, third)) == [21, 21, 22]
    began = since_boot()
    second.leave()
    assert nodes.settled(first, third) - second.ended < 1.5 + BUSY
    assert second.ended - began < 1 + BUSY, "a farewell takes no time"


def test_what_a_killed_node_had_is_taken_within_two_seconds(nodes: Cluster) -> None:
    running = three(nodes)
    took = []
    for _ in range(5):
        killed = running.pop(0)
        took.append(-killed.kill() + nodes.settled(*running))
        running.append(nodes.start())
        nodes.settled(*running)
    print("taken over after", *(f"{seconds:.2f}" for seconds in took), "s")
    assert sorted(took)[2] < 2
    assert max(took) < 2 + BUSY


def test_who_was_stopped_has_lost_its_shards_to_others_and_knows_it_at_once(nodes: Cluster) -> None:
    stopped, *others = three(nodes)
    stopped.stop()
    began = since_boot()
    assert nodes.settled(*others) - began < IDLE + 2 + BUSY
    time.sleep(max(0.0, began + 15 - since_boot()))  # it is another process that sleeps
    stopped.go_on()
    woken = since_boot()

    def looks() -> list[int]:
        return [line["sees"] for line in stopped.lines() if line["at"] > woken and "sees" in line]

    eventually(lambda: bool(looks()), "it looks")
    assert looks()[0] == 0
    nodes.settled(*nodes.nodes)


def test_after_a_restart_of_the_server_they_share_again(nodes: Cluster, postgres: Postgres) -> None:
    running = three(nodes)
    postgres.restart("immediate")
    began = since_boot()
    eventually(lambda: not any(node.shards for node in running), "nobody believes anything", 5)
    assert nodes.settled(*running) - began < BELIEVED + 4 + BUSY


def test_alone_it_goes_on_as_soon_as_the_server_is_back(nodes: Cluster, postgres: Postgres) -> None:
    alone = nodes.start()
    nodes.settled(alone)
    postgres.restart("immediate")
    began = since_boot()
    eventually(lambda: not alone.shards, "it believes nothing", 5)
    assert nodes.settled(alone) - began < 2 + BUSY


def test_who_loses_its_connection_comes_back(nodes: Cluster, relay: Relay, postgres_database: str) -> None:
    near, far = nodes.start(), nodes.start(through(relay, postgres_database))
    nodes.settled(near, far)
    began = since_boot()
    relay.reset()
    eventually(lambda: not far.shards, "it has noticed", 1 + BUSY)
    assert nodes.settled(near, far) - began < 3 + BUSY


def test_who_is_cut_off_lets_go_before_the_others_take(
    nodes: Cluster, relay: Relay, postgres_database: str
) -> None:
    near, far = nodes.start(), nodes.start(through(relay, postgres_database))
    nodes.settled(near, far)
    began = since_boot()
    relay.hang()
    assert nodes.settled(near) - began < IDLE + 2 + BUSY
    assert not far.shards
    relay.mend()
    nodes.settled(near, far)
