"""What was stored once is read for ever: frozen logs, and what their facts said when they were frozen.

A sample is never changed: a new kind of fact, a new field or a new word goes into the next one.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from application.changes import DocumentChange
from application.journal import Query
from domain import document as documents
from domain import words
from domain.events import Event
from infrastructure.journal import LedgerJournal
from infrastructure.journal.mapper import KINDS, STEPS, Undecodable, to_fact
from tests.story import joined, left, opened

FOLDER = Path(__file__).parent.parent / "samples"


def lines(pattern: str) -> list[dict[str, Any]]:
    texts = [path.read_text("utf-8") for path in sorted(FOLDER.glob(pattern))]
    return [json.loads(line) for text in texts for line in text.split("\n") if line]


STORED, READ = lines("log-*.jsonl"), lines("read-*.jsonl")
WORDS = [
    kind for kind in vars(words).values() if isinstance(kind, type) and kind.__module__ == words.__name__
]


def said(fact: Event, names: Mapping[str, Any]) -> dict[str, str]:
    """Its fields of that time: one that was added since has its default here."""
    values = {name: repr(getattr(fact, name)) for name in names if name != "type"}
    return {"type": type(fact).__name__, **values}


@pytest.mark.parametrize(("stored", "read"), list(zip(STORED, READ, strict=True)))
def test_a_stored_fact_still_says_the_same(stored: dict[str, Any], read: dict[str, str]) -> None:
    assert said(to_fact(stored["topic"], stored["state"]), read) == read


async def test_a_database_full_of_old_facts_still_says_the_same(tmp_path: Path) -> None:
    async with LedgerJournal.open(tmp_path / "ledger.db") as journal:
        with sqlite3.connect(tmp_path / "ledger.db") as database:
            database.executemany(
                "INSERT INTO stored_events (originator_id, originator_version, topic, state, link)"
                " VALUES ('old', ?, ?, ?, x'')",
                [(n, fact["topic"], json.dumps(fact["state"])) for n, fact in enumerate(STORED, start=1)],
            )
        database.close()
        facts = await journal.facts(Query(), after=0, limit=len(STORED) + 1)
    assert [said(fact.event, read) for fact, read in zip(facts, READ, strict=True)] == READ


def test_every_kind_of_fact_has_a_sample() -> None:
    assert set(KINDS) - {read["type"] for read in READ} == set()


def optional() -> Iterator[tuple[str, str]]:
    for name, kind in KINDS.items():
        yield from ((name, field.name) for field in fields(kind) if field.default is not MISSING)


@pytest.mark.parametrize(("kind", "field"), list(optional()))
def test_every_optional_field_has_a_sample_with_it_and_one_of_the_time_before_it(
    kind: str, field: str
) -> None:
    assert {field in stored["state"] for stored in STORED if stored["topic"] == kind} == {True, False}


@pytest.mark.parametrize("kind", WORDS)
def test_every_word_that_is_stored_has_a_sample(kind: type[StrEnum]) -> None:
    told = {text for read in READ for text in read.values()}
    assert {word for word in kind if repr(word) not in told} == set()


def since_then(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Once it was told in capitals who left."""
    return {"at": state["at"], "who": state["who"].lower()}


def today(state: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"at": state["at"], "user": state["who"]}


@pytest.fixture
def shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if `Left` had been given another shape twice."""
    monkeypatch.setitem(STEPS, "Left", (since_then, today))


@pytest.mark.usefixtures("shapes")
@pytest.mark.parametrize(
    ("topic", "told"), [("Left", {"who": "ADA"}), ("Left.2", {"who": "ada"}), ("Left.3", {"user": "ada"})]
)
async def test_a_fact_of_any_earlier_shape_is_read_as_one_of_today(
    tmp_path: Path, topic: str, told: dict[str, str]
) -> None:
    past = (opened(), joined(), left())
    state = documents.replay(past)
    assert state is not None
    async with LedgerJournal.open(tmp_path / "ledger.db") as journal:
        await journal.append(DocumentChange("k", 0, past, state))
    with sqlite3.connect(tmp_path / "ledger.db") as database:
        (stored, before) = database.execute(
            "SELECT topic, state FROM stored_events WHERE originator_version = 3"
        ).fetchone()
        assert stored == "Left.3", "what is recorded now has the shape of now"
        older = json.dumps({"at": json.loads(before)["at"], **told})
        sql = "UPDATE stored_events SET topic = ?, state = ? WHERE originator_version = 3"
        database.execute(sql, (topic, older))
    database.close()
    async with LedgerJournal.open(tmp_path / "ledger.db") as journal:
        assert [recorded.event for recorded in await journal.document_history("k")] == list(past)
        (found,) = await journal.facts(Query(types=["Left"]))
        assert found.event == left(), "they are found by their name, whatever their shape"


@pytest.mark.parametrize("topic", ["Invented", "Left.2", "Left.x", "Left.", ""])
def test_a_fact_of_a_newer_release_is_not_taken_for_something_else(topic: str) -> None:
    with pytest.raises(Undecodable, match="recorded by a newer one"):
        to_fact(topic, {"at": "2026-11-23T12:00:00+00:00", "user": "ada"})
