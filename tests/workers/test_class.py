"""A class whose pupils all follow the same link in the same moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import trio

from tests.service import Service
from tests.workers.test_service import start

PUPILS, ROUNDS = 60, 3


@pytest.fixture
def service(tmp_path: Path, postgres_database: str) -> Iterator[Service]:
    service = Service(
        tmp_path, DATABASE_URL=postgres_database, WORKERS="3", GRACE_SECONDS="2", RATE_LIMIT="off"
    )
    try:
        start(service)
        yield service
    finally:
        service.close()


async def test_everybody_is_let_in_at_once_and_under_one_key(service: Service) -> None:
    """Every worker lets in some of them, and all write into one stream."""
    path = f"{service.url}/api/onlyoffice/config/{service.file('Welcome.docx')['id']}"
    given: Counter[str] = Counter()

    async def pupil(name: str) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=60) as http:  # a connection of one's own
            answer = await http.get(path, params={"as": name})
        told = answer.json()
        given[told["config"]["document"]["key"] if answer.status_code == 200 else told["code"]] += 1

    for round_ in range(1, ROUNDS + 1):
        async with trio.open_nursery() as nursery:
            for number in range(PUPILS):
                nursery.start_soon(pupil, f"Pupil {round_}-{number}")
        assert list(given.values()) == [round_ * PUPILS], given
