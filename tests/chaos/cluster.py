"""Several nodes on machines of their own, with PostgreSQL, an object store, Redis, and HAProxy before them.

Only the way to the database is a cable that can be cut. All else a node reaches by relays at 127.0.0.1, as it
is reached itself; that to the Document Server has a port of its own, by which the node's commands are known.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import trio

from tests.balancer import configuration, haproxy
from tests.chaos import docledger
from tests.chaos.breaking_engines import Engines
from tests.chaos.docledger import Docledger
from tests.chaos.processes import Say, Server
from tests.chaos.stage import Stage, Wishes, document_server, running
from tests.chaos.watching import Watch
from tests.engines.namespaces import Machine, Network, can_isolate, network
from tests.engines.objects import ObjectStore, object_store, weed
from tests.engines.postgres import Postgres, postgres_folder, postgres_server
from tests.engines.redis import Redis, redis_program, redis_server
from tests.engines.relay import relay
from tests.ports import free_port

AUTOSAVE = 3.0  # seconds, at least

T = TypeVar("T")


class Missing(Exception):
    """Something that a run on several nodes needs is not on this machine."""


@dataclass(frozen=True, slots=True)
class Around:
    """What is there before the nodes are."""

    network: Network
    machines: Sequence[Machine]
    postgres: Postgres
    objects: ObjectStore
    counters: Redis
    database: str  # as it is reached from here
    front: int  # the balancer's port
    server: int  # the Document Server's
    ports: Sequence[int]  # the nodes' own
    taps: Sequence[int]  # where each reaches the Document Server


@asynccontextmanager
async def together(wishes: Wishes, folder: Path, say: Say) -> AsyncIterator[Stage]:
    """Raises Missing."""
    with around(wishes.nodes) as place:
        secret, url = secrets.token_hex(32), f"http://127.0.0.1:{place.front}"
        theirs, control_of = document_server(place.server, secret, folder, say)
        common = _common(place, folder, url)
        nodes = [_node(n, place, wishes, folder, secret, common, say) for n in range(wishes.nodes)]
        front = _balancer(place, folder, say)
        watch = Watch(place.database, place.ports)

        async def healthy() -> None:
            for each in (theirs, *nodes, front):
                await each.healthy()

        async with running([theirs, *nodes, front]) as http, trio.open_nursery() as nursery:
            await healthy()
            nursery.start_soon(watch.run)
            yield Stage(
                nodes,
                theirs,
                Docledger(url, http),
                control_of(http),
                Engines(
                    nodes,
                    place.machines,
                    place.network,
                    place.postgres,
                    place.objects,
                    place.counters,
                    place.database,
                    watch,
                    place.taps,
                ),
                place.database,
                folder / "checkpoint.key",
                healthy,
            )
            nursery.cancel_scope.cancel()
        (folder / "postgres.log").write_bytes(place.postgres.log.read_bytes())
        place.postgres.dump(place.database, folder / "events.sql")


@contextmanager
def around(count: int) -> Iterator[Around]:
    """Raises Missing."""
    if not can_isolate():
        raise Missing("network namespaces: be root, and apt install iproute2")
    _needed(haproxy(), "haproxy", "apt install haproxy")
    programs = _needed(postgres_folder(), "PostgreSQL", "apt install postgresql")
    redis = _needed(redis_program(), "Redis", "apt install redis-server")
    store = _needed(weed(), "SeaweedFS", "make .venv/.ready-scale")
    with ExitStack() as stack:
        net = stack.enter_context(network())
        machines = [net.node() for _ in range(count)]
        postgres = stack.enter_context(postgres_server(programs, net.hub))
        objects = stack.enter_context(object_store(store))
        counters = stack.enter_context(redis_server(redis))
        front, server, *ports = (free_port() for _ in range(2 + 2 * count))
        ours, taps = ports[:count], ports[count:]
        for machine, port, tap in zip(machines, ours, taps, strict=True):
            stack.enter_context(relay(port, at=port, server_on=machine))
            stack.enter_context(relay(server, at=tap, clients_on=machine))
            for engine in (objects, counters):
                stack.enter_context(relay(engine.port, at=engine.port, clients_on=machine))
        database = postgres.create_database()
        yield Around(net, machines, postgres, objects, counters, database, front, server, ours, taps)


def _needed(found: T | None, what: str, install: str) -> T:
    if found is None:
        raise Missing(f"{what}: {install}")
    return found


def _common(place: Around, folder: Path, url: str) -> dict[str, str]:
    return {
        "DATABASE_URL": place.database.replace("127.0.0.1", place.network.hub.address),
        "BLOB_URL": place.objects.url(),
        "RATE_LIMIT_URL": place.counters.url,
        "RATE_LIMIT": "1000000/minute",  # everybody is counted, and nobody refused
        "TRUSTED_PROXIES": "127.0.0.1",
        "PUBLIC_URL": url,
        "SECRET": secrets.token_hex(32),
        "CHECKPOINT_KEY": str(folder / "checkpoint.key"),
    }


def _node(
    number: int,
    place: Around,
    wishes: Wishes,
    folder: Path,
    secret: str,
    common: dict[str, str],
    say: Callable[[str], None],
) -> Server:
    name, url = f"docledger-{number}", f"http://127.0.0.1:{place.ports[number]}"
    more = {
        **common,
        "DOCUMENT_SERVER_INTERNAL_URL": f"http://127.0.0.1:{place.taps[number]}",
        "AUTOSAVE_SECONDS": str(max(AUTOSAVE, wishes.documents // 20)),
    }
    settings = docledger.environment(
        url,
        folder / name,
        f"http://127.0.0.1:{place.server}",
        secret,
        wishes.policy,
        wishes.documents,
        **more,
    )
    settings |= place.objects.environment
    machine = place.machines[number]
    return Server(name, docledger.COMMAND, settings, folder, f"{url}/healthz", say, machine.entering)


def _balancer(place: Around, folder: Path, say: Say) -> Server:
    config = folder / "haproxy.cfg"
    config.write_text(configuration(place.front, [f"127.0.0.1:{port}" for port in place.ports]))
    command = [str(haproxy()), "-db", "-f", str(config)]
    return Server("haproxy", command, {}, folder, f"http://127.0.0.1:{place.front}/healthz", say)
