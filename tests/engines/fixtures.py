"""The engines as fixtures: a server for the run (or xdist worker), and a clean place in it for each test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NoReturn

import pytest

from tests.engines import namespaces, objects
from tests.engines import postgres as pg
from tests.engines import redis as rd

ENGINES = {"postgres_programs", "redis_of_the_run", "object_store_of_the_run", "networked"}
REQUIRED = "DOCLEDGER_TEST_ENGINES"  # =required: what is missing fails, as in CI


@pytest.hookimpl(tryfirst=True)  # before -m is looked at
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if ENGINES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.scale)


def missing(what: str, install: str) -> NoReturn:
    reason = f"no {what} here: {install}"
    if os.environ.get(REQUIRED) == "required":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def postgres_programs() -> Path:
    return pg.postgres_folder() or missing("PostgreSQL", "apt install postgresql")


@pytest.fixture(scope="session")
def postgres(postgres_programs: Path) -> Iterator[pg.Postgres]:
    """The server; a test that stops it or pauses it leaves it so, and the next finds it well."""
    with pg.postgres_server(postgres_programs) as server:
        yield server


@pytest.fixture
def postgres_database(request: pytest.FixtureRequest, postgres: pg.Postgres) -> Iterator[str]:
    """The url of an empty one."""
    _marked(request)
    postgres.ensure()
    url = postgres.create_database()
    yield url
    postgres.ensure()
    postgres.drop_database(url)


SCALE = pytest.param("postgres", marks=pytest.mark.scale)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "logged_in" in metafunc.fixturenames and metafunc.definition.get_closest_marker("in_both"):
        metafunc.parametrize("logged_in", ["sqlite", SCALE], indirect=True)


@pytest.fixture
def logged_in(request: pytest.FixtureRequest) -> Mapping[str, str]:
    """Settings of where a service's log is; tests that are `in_both` are run with each."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return {}
    return {"database_url": request.getfixturevalue("postgres_database")}


@pytest.fixture(params=["sqlite", SCALE])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where a log is kept, or will be: a file, or the url of an empty database."""
    if request.param == "sqlite":
        return tmp_path / "data" / "docledger.db"
    return str(request.getfixturevalue("postgres_database"))


MakePlace = Callable[[str], Path | str]


@pytest.fixture(scope="module", params=["sqlite", SCALE])
def make_place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MakePlace]:
    """Places, by their names, for a whole module."""
    if request.param == "sqlite":
        yield lambda name: tmp_path_factory.mktemp(name) / "ledger.db"
        return
    server: pg.Postgres = request.getfixturevalue("postgres")
    made: list[str] = []

    def make(_: str) -> str:
        server.ensure()
        made.append(server.create_database())
        return made[-1]

    yield make
    server.ensure()
    for url in made:
        server.drop_database(url)


@pytest.fixture(scope="session")
def redis_of_the_run() -> Iterator[rd.Redis]:
    with rd.redis_server(rd.redis_program() or missing("Redis", "apt install redis-server")) as server:
        yield server


@pytest.fixture
def redis_server(request: pytest.FixtureRequest, redis_of_the_run: rd.Redis) -> rd.Redis:
    """Running and empty."""
    _marked(request)
    redis_of_the_run.ensure()
    redis_of_the_run.empty()
    return redis_of_the_run


@pytest.fixture(scope="session")
def object_store_of_the_run() -> Iterator[objects.ObjectStore]:
    program = objects.weed() or missing("SeaweedFS", "make .venv/.ready-scale")
    with objects.object_store(program) as server:
        yield server


@pytest.fixture
def object_store(
    request: pytest.FixtureRequest, object_store_of_the_run: objects.ObjectStore
) -> objects.ObjectStore:
    """Running; `url()` names a place in it for each who asks."""
    _marked(request)
    object_store_of_the_run.ensure()
    return object_store_of_the_run


@pytest.fixture
def networked() -> Iterator[namespaces.Network]:
    if not namespaces.can_isolate():
        missing("network namespaces", "apt install iproute2, and be root")
    with namespaces.network() as network:
        yield network


def _marked(request: pytest.FixtureRequest) -> None:
    """One that asks for an engine by name only as it runs is not seen in time."""
    assert request.node.get_closest_marker("scale"), "mark what may use an engine: pytest.mark.scale"
