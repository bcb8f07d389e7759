"""A probe that lands on another node than the one that examines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from application.doctor.landing import Landing
from infrastructure.journal import LedgerJournal
from infrastructure.journal.board import LedgerBoard
from tests.doctor.test_examination import landing
from tests.engines.postgres import Postgres

pytestmark = pytest.mark.scale

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
async def journals(postgres_database: str) -> AsyncIterator[list[LedgerJournal]]:
    async with (
        LedgerJournal.open(postgres_database) as ours,
        LedgerJournal.open(postgres_database) as theirs,
    ):
        yield [ours, theirs]


def landings(journals: list[LedgerJournal]) -> list[Landing]:
    return [landing(LedgerBoard(journal, lambda: NOW)) for journal in journals]


async def test_the_node_that_examines_hears_of_it(journals: list[LedgerJournal]) -> None:
    examining, other = landings(journals)
    async with examining.opened() as probe:
        given = await other.visited(probe.nonce, "198.51.100.7", None, forwarded=True)
        assert given == probe.document(), "the same that it would have given itself"
        assert await other.called(probe.nonce, b"{}", None)
        assert probe.visit is None
        await examining.gather(probe)
        assert probe.visit
        assert (probe.visit.address, probe.visit.forwarded) == ("198.51.100.7", True)
        assert probe.call
        assert probe.call.refused == "the callback is not signed"
    assert await other.visited(probe.nonce, "198.51.100.7", None, forwarded=False) is None


async def test_whoever_guesses_is_told_nothing(journals: list[LedgerJournal]) -> None:
    examining, other = landings(journals)
    async with examining.opened() as probe:
        for nonce in ("", "0" * 32, probe.nonce + "\0", probe.nonce.upper()):
            assert await other.visited(nonce, "198.51.100.7", None, forwarded=False) is None
            assert not await other.called(nonce, b"{}", None)
        await examining.gather(probe)
        assert (probe.visit, probe.call) == (None, None)


async def test_what_nobody_has_ended_is_forgotten(journals: list[LedgerJournal]) -> None:
    before = LedgerBoard(journals[0], lambda: NOW - timedelta(hours=2))
    await before.put_up("0" * 32)
    async with landings(journals)[0].opened():
        pass
    assert await journals[0].noted("SELECT nonce FROM probes", (), tuple) == []


async def test_a_database_that_fails_leaves_the_doctor_to_itself(
    journals: list[LedgerJournal], postgres: Postgres
) -> None:
    examining, other = landings(journals)
    postgres.stop()
    async with examining.opened() as probe:
        assert await examining.visited(probe.nonce, "198.51.100.7", None, forwarded=False)
        assert await other.visited(probe.nonce, "198.51.100.7", None, forwarded=False) is None
        await examining.gather(probe)
        assert probe.visit
