"""Machines of the tests' own reach each other, until somebody cuts the cable."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from tests.engines.namespaces import Machine, Network, network
from tests.engines.postgres import postgres_server
from tests.engines.redis import Redis
from tests.engines.relay import relay

PORT = 20_000  # everything there is free


@pytest.fixture
def node(networked: Network) -> Machine:
    return networked.node()


@pytest.fixture
def line(networked: Network, node: Machine) -> Iterator[tuple[socket.socket, socket.socket]]:
    """The node's end of a connection, and the hub's."""
    with networked.hub.inside():
        listener = socket.create_server((networked.hub.address, PORT))
    with node.inside():
        mine = socket.create_connection((networked.hub.address, PORT), timeout=5)
    theirs, _ = listener.accept()
    theirs.settimeout(5)
    with listener, mine, theirs:
        yield mine, theirs


def test_a_connection_hangs_while_cut_and_goes_on_when_mended_in_time(
    networked: Network, node: Machine, line: tuple[socket.socket, socket.socket]
) -> None:
    mine, theirs = line
    mine.sendall(b"before")
    assert theirs.recv(100) == b"before"
    networked.cut(node)
    mine.sendall(b"meanwhile")
    theirs.settimeout(0.5)
    with pytest.raises(TimeoutError):
        theirs.recv(100)
    networked.mend(node)
    theirs.settimeout(20)
    assert theirs.recv(100) == b"meanwhile"
    theirs.sendall(b"back")
    assert mine.recv(100) == b"back"


def test_only_the_node_whose_cable_is_cut_is_alone(networked: Network, node: Machine) -> None:
    other = networked.node()
    with networked.hub.inside():
        listener = socket.create_server((networked.hub.address, PORT))
    networked.cut(node)
    with listener:
        with other.inside():
            socket.create_connection((networked.hub.address, PORT), timeout=5).close()
        with node.inside(), pytest.raises(OSError):  # noqa: PT011 (whichever comes first)
            socket.create_connection((networked.hub.address, PORT), timeout=0.5)


def test_nothing_else_is_reached_from_there(node: Machine, redis_server: Redis) -> None:
    routes = subprocess.run([*node.entering, "ip", "route"], capture_output=True, text=True, check=True)
    assert routes.stdout.split()[:3] == ["10.0.0.0/24", "dev", "cable"]
    with node.inside(), pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", redis_server.port), timeout=5)


def test_a_relay_leads_out_of_a_node_to_a_server_here(node: Machine, redis_server: Redis) -> None:
    with (
        relay(redis_server.port, at=redis_server.port, clients_on=node),
        redis.Redis(port=redis_server.port) as here,
        redis.Redis(port=redis_server.port) as there,
    ):
        with node.inside():
            there.set("said", "on the node")
        assert here.get("said") == b"on the node"


def test_a_database_on_the_hub_is_reached_from_here_and_from_a_node_until_it_is_cut(
    networked: Network, node: Machine, postgres_programs: Path
) -> None:
    with postgres_server(postgres_programs, networked.hub) as server:
        here = server.create_database()
        there = here.replace("127.0.0.1", networked.hub.address)
        with node.inside():
            connection = psycopg.connect(there, autocommit=True)
        with connection, psycopg.connect(here) as ours:
            connection.execute("CREATE TABLE kept (n int)")
            networked.cut(node)
            connection.pgconn.send_query(b"INSERT INTO kept VALUES (1)")
            assert ours.execute("SELECT * FROM kept").fetchall() == []
            networked.mend(node)
            assert connection.pgconn.get_result()
            connection.pgconn.get_result()
            assert ours.execute("SELECT * FROM kept").fetchall() == [(1,)]


def test_when_it_is_over_nothing_is_left(networked: Network) -> None:
    networked.node()
    with network() as another:
        processes = [Path(f"/proc/{machine.pid}") for machine in (another.hub, another.node())]
        assert all(process.exists() for process in processes)
    assert not any(process.exists() for process in processes)
    links = subprocess.run(["ip", "-brief", "link"], capture_output=True, text=True, check=True).stdout
    assert "switch" not in links
    assert "to-node" not in links
