"""One contract, every Document Server: the stand-in always, a real one when the environment names it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from time import time

import pytest
from playwright.sync_api import Browser

from tests.contract.editing import Desk
from tests.contract.integrator import Integrator, integrator
from tests.contract.servers import (
    INTEGRATOR_HOST,
    REAL_SECRET,
    REAL_URL,
    DocumentServer,
    real_server,
    standin_process,
)
from tests.contract.word import letter

numbers = count(1)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "document_server" in metafunc.fixturenames:
        real = ["real"] if os.environ.get(REAL_URL) and os.environ.get(REAL_SECRET) else []
        metafunc.parametrize("document_server", ["stand-in", *real], indirect=True, scope="session")


@pytest.fixture(scope="session")
def document_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DocumentServer]:
    if request.param == "real":
        yield real_server()
        return
    with standin_process(tmp_path_factory.mktemp("standin")) as server:
        yield server


@pytest.fixture
def ours(document_server: DocumentServer) -> Iterator[Integrator]:
    with integrator(document_server.secret, letter(), os.environ.get(INTEGRATOR_HOST, "127.0.0.1")) as ours:
        yield ours


@pytest.fixture
def key() -> str:
    return f"contract-{int(time())}-{next(numbers)}"


@pytest.fixture
def desk(document_server: DocumentServer, ours: Integrator, browser: Browser, key: str) -> Iterator[Desk]:
    desk = Desk(document_server, ours, browser, key)
    yield desk
    desk.leave_all()


@pytest.fixture
def patient_desk(desk: Desk, tmp_path: Path) -> Iterator[Desk]:
    """At a server whose save delay is long enough to come back in, however busy the machine is."""
    if desk.server.real:
        yield desk
        return
    with standin_process(tmp_path, save_delay=60) as server:
        patient = replace(desk, server=server, contexts=[])
        yield patient
        patient.leave_all()
