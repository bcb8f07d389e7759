"""Whatever is done to the facts of a real log is found, and the fact that it was done to is named.

TAMPERINGS=20000 tries more of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from infrastructure.evidence import CannotCheck, Kind, Report
from infrastructure.journal.checkpoints import unpacked
from tests.databases import REFUSED, Place, rows
from tests.engines.fixtures import MakePlace
from tests.infrastructure import ledgers
from tests.infrastructure.ledgers import COLUMNS, Stored, checked, named

TEXT = ("topic", "state", "cause", "at", "file_id", "salt", "digest", "link")
TRIALS = settings(
    max_examples=int(os.environ.get("TAMPERINGS", "150")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)

Draw = Callable[..., Any]


@pytest.fixture(scope="module")
def covered(make_place: MakePlace) -> Place:
    return ledgers.make(make_place("covered"))


@pytest.fixture(scope="module")
def with_tail(make_place: MakePlace) -> Place:
    return ledgers.make(make_place("tail"), sequel_covered=False)


def tampered(original: Place, how: Callable[[Any, list[Stored]], None]) -> Report:
    try:
        return ledgers.tampered(original, lambda database: how(database, ledgers.facts(database)))
    except REFUSED:
        assume(False)  # the database itself would not take it
        raise


def flip(database: Any, fact: Stored, column: str, place: int, bit: int) -> None:
    sql = f"SELECT {column} FROM stored_events WHERE position = ?"
    (value,) = database.execute(sql, (fact.position,)).fetchone()
    changed = bytearray(value if isinstance(value, bytes) else str("\0" if value is None else value).encode())
    changed[place % len(changed)] ^= 1 << bit
    new = "?" if column in {"state", "cause", "salt", "digest", "link"} else "CAST(? AS TEXT)"
    text: Any = bytes(changed)
    if isinstance(database, psycopg.Connection) and new != "?":
        new, text = "?", _taken(text, column)
    database.execute(f"UPDATE stored_events SET {column} = {new} WHERE position = ?", (text, fact.position))


def _taken(text: bytes, column: str) -> Any:
    """As PostgreSQL takes it, which knows what is a number, and what is a text."""
    try:
        return int(text) if column == "originator_version" else text.decode()
    except ValueError:
        return assume(False)


@TRIALS
@given(data=st.data())
def test_a_flipped_bit(covered: Place, data: st.DataObject) -> None:
    chosen: list[Stored] = []
    column = data.draw(st.sampled_from(COLUMNS))

    def how(database: Any, facts: list[Stored]) -> None:
        chosen.append(data.draw(st.sampled_from(facts)))
        flip(database, chosen[0], column, data.draw(st.integers(0, 10_000)), data.draw(st.integers(0, 7)))

    report = tampered(covered, how)
    event(f"flip of {column}: {report.findings[0].kind.name}")
    assert named(report)[0] == chosen[0].place
    if column in TEXT:
        assert [finding.kind for finding in report.findings] == [Kind.CHANGED]


@TRIALS
@given(data=st.data())
def test_a_flipped_bit_that_no_checkpoint_covers(with_tail: Place, data: st.DataObject) -> None:
    chosen: list[Stored] = []
    column = data.draw(st.sampled_from(TEXT))

    def how(database: Any, facts: list[Stored]) -> None:
        chosen.append(data.draw(st.sampled_from(facts[18:])))
        flip(database, chosen[0], column, data.draw(st.integers(0, 10_000)), data.draw(st.integers(0, 7)))

    report = tampered(with_tail, how)
    event(f"flip of {column} in the tail")
    assert named(report) == [chosen[0].place]


@TRIALS
@given(data=st.data())
def test_facts_taken_out(covered: Place, data: st.DataObject) -> None:
    gone: list[Stored] = []
    closes_up, knows_more = data.draw(st.booleans()), data.draw(st.booleans())

    def how(database: Any, facts: list[Stored]) -> None:
        gone.extend(data.draw(st.lists(st.sampled_from(facts), min_size=1, max_size=3, unique=True)))
        for fact in sorted(gone, key=lambda fact: -fact.number):
            database.execute("DELETE FROM stored_events WHERE position = ?", (fact.position,))
            if closes_up:
                ledgers.renumber(database, fact.stream, fact.number, -1)
        if knows_more:
            for stream in {fact.stream for fact in gone}:
                ledgers.reseal(database, stream)
            ledgers.match_read_models(database)

    report = tampered(covered, how)
    event(f"dropped {len(gone)}, closed up: {closes_up}, consistently: {knows_more}")
    removed = {finding.stream: [] for finding in report.findings}  # type: ignore[var-annotated]
    for finding in report.findings:
        if finding.kind is Kind.REMOVED:
            removed[finding.stream].append(finding.number)
    for fact in gone:
        assert fact.number in removed[fact.stream]


@TRIALS
@given(data=st.data())
def test_a_last_fact_taken_out_that_no_checkpoint_covers(with_tail: Place, data: st.DataObject) -> None:
    """As long as the tables made of the facts are left alone."""
    gone: list[Stored] = []

    def how(database: Any, facts: list[Stored]) -> None:
        gone.append(data.draw(st.sampled_from(facts[18:])))
        database.execute("DELETE FROM stored_events WHERE position = ?", (gone[0].position,))
        ledgers.forget_given(database)

    report = tampered(with_tail, how)
    event("dropped from the tail")
    assert (Kind.REMOVED, *gone[0].place) in [(f.kind, f.stream, f.number) for f in report.findings]


SWAPS = {
    "places": ("originator_id", "originator_version"),
    "positions": ("position",),
    "texts": ("topic", "state", "cause", "at", "file_id", "salt", "link"),
    "all but their texts": ("originator_id", "originator_version", "position"),
}


@TRIALS
@given(data=st.data())
def test_facts_swapped(covered: Place, data: st.DataObject) -> None:
    pair: list[Stored] = []
    what = data.draw(st.sampled_from(sorted(SWAPS)))
    knows_more = data.draw(st.booleans())

    def how(database: Any, facts: list[Stored]) -> None:
        pair.extend(data.draw(st.lists(st.sampled_from(facts), min_size=2, max_size=2, unique=True)))
        swap(database, *pair, SWAPS[what])
        if knows_more:
            for stream in {fact.stream for fact in pair}:
                ledgers.reseal(database, stream)

    report = tampered(covered, how)
    event(f"swapped their {what}, consistently: {knows_more}")
    assert {fact.place for fact in pair} <= set(named(report))


def swap(database: Any, one: Stored, other: Stored, columns: tuple[str, ...]) -> None:
    select = f"SELECT {', '.join(columns)} FROM stored_events WHERE position = ?"
    values = [database.execute(select, (fact.position,)).fetchone() for fact in (one, other)]
    update = f"UPDATE stored_events SET {', '.join(f'{column} = ?' for column in columns)} WHERE position = ?"
    if "originator_id" in columns:  # no two facts may have one place, not even for a moment
        aside = "UPDATE stored_events SET originator_id = 'aside' WHERE position = ?"
        database.execute(aside, (one.position,))
    if "position" in columns:
        database.execute("UPDATE stored_events SET position = -7 WHERE position = ?", (one.position,))
    first = -7 if "position" in columns else one.position
    database.execute(update, (*values[0], other.position))
    database.execute(update, (*values[1], first))


@TRIALS
@given(data=st.data())
def test_a_fact_put_in_between(covered: Place, data: st.DataObject) -> None:
    chosen: list[Stored] = []

    def how(database: Any, facts: list[Stored]) -> None:
        chosen.append(fact := data.draw(st.sampled_from(facts)))
        ledgers.renumber(database, fact.stream, fact.number - 1, +1)
        ledgers.forge(database, fact.stream, fact.number)
        ledgers.reseal(database, fact.stream)
        ledgers.match_read_models(database)

    report = tampered(covered, how)
    event("inserted in the middle")
    assert (Kind.INSERTED, *chosen[0].place) in [(f.kind, f.stream, f.number) for f in report.findings]


@TRIALS
@given(data=st.data())
def test_a_fact_added_at_the_end(covered: Place, data: st.DataObject) -> None:
    """As long as the tables made of the facts are left alone."""
    last: list[Stored] = []

    def how(database: Any, facts: list[Stored]) -> None:
        kept = [fact for fact in facts if not fact.stream.startswith("reader/")]
        stream = data.draw(st.sampled_from(kept)).stream
        last.append([fact for fact in kept if fact.stream == stream][-1])
        ledgers.forge(database, stream, last[0].number + 1)
        ledgers.reseal(database, stream)

    report = tampered(covered, how)
    event("appended")
    assert named(report) == [(last[0].stream, last[0].number + 1)]
    assert report.findings[0].kind is Kind.READ_MODEL


@TRIALS
@given(data=st.data())
def test_a_fact_rewritten_and_its_chain_with_it(covered: Place, data: st.DataObject) -> None:
    chosen: list[Stored] = []

    def how(database: Any, facts: list[Stored]) -> None:
        chosen.append(fact := data.draw(st.sampled_from(facts)))
        text = data.draw(st.binary(max_size=40))
        database.execute("UPDATE stored_events SET state = ? WHERE position = ?", (text, fact.position))
        ledgers.reseal(database, fact.stream)

    report = tampered(covered, how)
    event("rewritten with its chain")
    assert [(f.kind, f.stream, f.number) for f in report.findings] == [(Kind.CHANGED, *chosen[0].place)]


@TRIALS
@given(data=st.data())
def test_a_fact_moved_to_another_stream(covered: Place, data: st.DataObject) -> None:
    chosen: list[Stored] = []

    def how(database: Any, facts: list[Stored]) -> None:
        chosen.append(fact := data.draw(st.sampled_from(facts)))
        streams = sorted({other.stream for other in facts} - {fact.stream})
        stream = data.draw(st.sampled_from([*streams, "document/elsewhere"]))
        number = max((other.number for other in facts if other.stream == stream), default=0) + 1
        sql = "UPDATE stored_events SET originator_id = ?, originator_version = ? WHERE position = ?"
        database.execute(sql, (stream, number, fact.position))
        ledgers.renumber(database, fact.stream, fact.number, -1)
        ledgers.reseal(database, fact.stream)
        ledgers.reseal(database, stream)
        ledgers.match_read_models(database)

    report = tampered(covered, how)
    event("moved to another stream")
    assert (Kind.REORDERED, *chosen[0].place) in [(f.kind, f.stream, f.number) for f in report.findings]


@TRIALS
@given(data=st.data())
def test_a_checkpoint_touched(covered: Place, data: st.DataObject) -> None:
    position = data.draw(st.sampled_from([18, 26]))
    column = data.draw(st.sampled_from(["body", "signature"]))
    place, bit = data.draw(st.integers(0, 10_000)), data.draw(st.integers(0, 7))
    versions: list[bytes] = []

    def how(database: Any, facts: list[Stored]) -> None:
        sql = f"SELECT {column} FROM checkpoints WHERE position = ?"
        before = bytes(database.execute(sql, (position,)).fetchone()[0])
        changed = bytearray(before)
        changed[place % len(changed)] ^= 1 << bit
        versions.extend((before, bytes(changed)))
        sql = f"UPDATE checkpoints SET {column} = ? WHERE position = ?"
        database.execute(sql, (bytes(changed), position))

    report = tampered(covered, how)
    says_the_same = column == "body" and says(versions[0]) == says(versions[1])
    event(f"flip of a checkpoint's {column}{', which says the same' if says_the_same else ''}")
    expected = [] if says_the_same else [(Kind.CHECKPOINT, position)]
    assert [(f.kind, f.position) for f in report.findings] == expected


def says(body: bytes) -> bytes | None:
    """What is signed. One bit in two thousand of a body is padding, or refers to the same text elsewhere."""
    try:
        return unpacked(body)
    except ValueError:
        return None


@TRIALS
@given(place=st.integers(0, 10**6), size=st.sampled_from([1, 16, 512, 4096]), byte=st.integers(0, 255))
def test_a_spoilt_piece_of_the_file(in_a_file: Path, place: int, size: int, byte: int) -> None:
    """Never a traceback; and a finding, unless every fact can be read as it was."""
    path = ledgers.copied(in_a_file)
    content = bytearray(path.read_bytes())
    place %= len(content)
    content[place : place + size] = bytes([byte]) * len(content[place : place + size])
    path.write_bytes(content)
    try:
        report = checked(path)
    except CannotCheck:
        event("the file is no database of ours any more")
        return
    event("findings" if report.findings else "no fact was hit")
    assert report.findings or everything(path) == everything(in_a_file)


@pytest.fixture(scope="module")
def in_a_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("file") / "ledger.db"
    ledgers.make(path)
    return path


def everything(path: Path) -> list[Any]:
    return rows(path, "SELECT * FROM stored_events ORDER BY position")
