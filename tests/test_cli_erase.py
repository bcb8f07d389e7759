"""`docledger erase`, as an operator types it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from application.sidecars import Sidecar
from domain.keys import user_id
from infrastructure.blobs import LocalBlobs
from infrastructure.journal import LedgerJournal
from infrastructure.sidecars import LocalSidecars
from tests.databases import Place, variables
from tests.infrastructure import test_erasing as log
from tests.service import Service
from tests.story import take


@pytest.fixture
def offline(tmp_path: Path, place: Place) -> Service:
    """A service that does not run, and has a log."""

    async def fill() -> None:
        async with LedgerJournal.open(place) as journal:
            await log.record(journal)
            await log.read(journal)

    trio.run(fill)
    return Service(tmp_path, **variables(place))


def facts(place: Place) -> list[tuple[object, ...]]:
    return [tuple(row) for row in log.rows(place)]


def test_it_says_whom_it_found_and_what_it_did(offline: Service, place: Place) -> None:
    done = offline.command("erase", "--id", log.ADA, "--yes", "--by", "privacy officer")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{log.FORMER}, {log.NAME} (id ada)\n")
    assert "7 events in 4 streams have something to take out." in done.stdout
    assert "Taken out of 7 events in 4 streams." in done.stdout
    assert "What stays: ids" in done.stdout
    assert ("PostgreSQL's write-ahead log has the old texts" in done.stdout) == isinstance(place, str)
    assert "They edit 1 document now" in done.stderr
    assert not [word for word in log.PERSONAL if word in log.on_disk(place)]
    log.check_chains(place)
    redacted = [json.loads(row["state"]) for row in log.rows(place) if row["topic"] == "Redacted"]
    assert {fact["by"] for fact in redacted} == {user_id("privacy officer")}


def test_doing_it_again_says_that_there_is_nothing_left(offline: Service, place: Place) -> None:
    offline.command("erase", "--id", log.ADA, "--yes")
    once = facts(place)
    done = offline.command("erase", "--id", log.ADA)
    assert done.returncode == 0, done.stderr
    assert "Somebody without a name (id ada)" in done.stdout
    assert "0 events in 0 streams have something to take out." in done.stdout
    assert "Taken out" not in done.stdout
    assert facts(place) == once


@pytest.mark.parametrize("option", [["--dry-run"], []])
def test_a_dry_run_and_an_operator_who_does_not_confirm_change_nothing(
    offline: Service, place: Place, option: list[str]
) -> None:
    before = facts(place)
    done = offline.command("erase", "--id", log.ADA, *option)
    assert done.returncode == (0 if option else 1)
    assert "7 events in 4 streams have something to take out." in done.stdout
    assert facts(place) == before


def test_somebody_unknown_is_said_so(offline: Service) -> None:
    done = offline.command("erase", "nobody", "--yes")
    assert done.returncode == 1
    assert f"The log knows nobody whose id is {user_id('nobody')}." in done.stderr


def test_addresses_can_be_taken_out_by_their_age(offline: Service, place: Place) -> None:
    done = offline.command("erase", "--before", "2026-11-24", "--yes")
    assert done.returncode == 0, done.stderr
    assert "Taken out of 3 events in 3 streams." in done.stdout
    assert log.ADDRESS.encode() not in log.on_disk(place)
    assert log.NAME.encode() in log.on_disk(place)
    log.check_chains(place)


@pytest.mark.parametrize("arguments", [[], ["ada", "--before", "2026-11-24"]])
def test_it_wants_either_a_person_or_a_time(offline: Service, arguments: list[str]) -> None:
    done = offline.command("erase", *arguments)
    assert done.returncode == 2
    assert "Say whom to erase" in done.stderr


def test_without_a_log_there_is_nothing_to_erase(tmp_path: Path, place: Place) -> None:
    done = Service(tmp_path, **variables(place)).command("erase", "ada")
    assert done.returncode == 1
    if isinstance(place, str):
        assert "holds no log" in done.stderr
        assert log.rows(place, "SELECT 1 FROM pg_tables WHERE tablename = 'stored_events'") == []
    else:
        assert "There is no log at" in done.stderr
        assert not place.exists()


def test_what_cannot_be_read_is_said_and_the_rest_is_erased(offline: Service, place: Place) -> None:
    log.damage(place, b"{")
    done = offline.command("erase", "--id", log.ADA, "--yes")
    assert done.returncode == 1
    assert "not erased, since it cannot be read: document/key of f:" in done.stderr
    assert "docledger verify" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Taken out of 3 events in 3 streams." in done.stdout


def test_notes_in_quarantine_are_rewritten_and_saves_that_wait_are_counted(offline: Service) -> None:
    history = {"changes": [{"user": {"id": log.ADA, "name": log.NAME}}]}
    offer = replace(take(), history=history)

    async def put_aside() -> None:
        await LocalBlobs(offline.data / "blobs").quarantine("a" * 64, "k", {"history": history})
        await LocalSidecars(offline.data / "sidecars").put(Sidecar("k", offer))

    trio.run(put_aside)
    done = offline.command("erase", "--id", log.ADA, "--yes")
    assert done.returncode == 1, "a save that waits will bring the name back"
    assert "Taken out of 1 note in quarantine." in done.stdout
    assert "still with the name: 1 save." in done.stderr
    (note,) = (offline.data / "blobs" / "quarantine").iterdir()
    assert json.loads(note.read_text()) == {
        "sha256": "a" * 64,
        "history": {"changes": [{"user": {"id": log.ADA, "name": ""}}]},
    }
