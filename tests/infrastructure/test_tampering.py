"""What was done to a real log, by somebody who can write to its database, is named."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Any

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infrastructure.evidence import CannotCheck, Kind, Report, verify, verifying
from infrastructure.journal import LedgerJournal, seals
from infrastructure.journal.checkpoints import unpacked
from tests.databases import REFUSED, Place, rows, vacuum
from tests.engines.fixtures import MakePlace
from tests.infrastructure import ledgers
from tests.infrastructure.ledgers import KEY, Writer, checked
from tests.story import at

OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))


@pytest.fixture(scope="module")
def covered(make_place: MakePlace) -> Place:
    return ledgers.make(make_place("covered"))


@pytest.fixture(scope="module")
def with_tail(make_place: MakePlace) -> Place:
    return ledgers.make(make_place("tail"), sequel_covered=False)


def after(
    original: Place, *doings: str | Callable[[Any], None], anchors: Mapping[int, str] = MappingProxyType({})
) -> Report:
    def do_all(database: Any) -> None:
        for doing in doings:
            if isinstance(doing, str):
                database.execute(doing)
            else:
                doing(database)

    return ledgers.tampered(original, do_all, anchors)


def found(report: Report) -> list[str]:
    return [str(finding) for finding in report.findings]


def test_a_log_that_nobody_touched_is_clean(covered: Place, with_tail: Place) -> None:
    report = checked(covered)
    assert (report.findings, report.facts, report.covered, report.checkpoints) == ([], 26, 26, 2)
    report = checked(with_tail)
    assert (report.findings, report.facts, report.covered, report.last) == ([], 26, 18, 26)


def test_vacuum_moves_nothing(place: Place) -> None:
    ledgers.make(place)
    vacuum(place)
    assert checked(place).findings == []


def test_a_whole_stream_taken_out_with_its_row_is_named_fact_by_fact(covered: Place) -> None:
    report = after(
        covered,
        "DELETE FROM stored_events WHERE originator_id = 'file/n'",
        "DELETE FROM files WHERE id = 'n'",
        ledgers.match_read_models,
    )
    assert found(report) == [
        f"file/n, fact {number}, position {23 + number}: removed: it is missing" for number in (1, 2, 3)
    ]


def test_a_whole_stream_that_no_checkpoint_covers_is_missed_by_its_row(with_tail: Place) -> None:
    report = after(with_tail, "DELETE FROM stored_events WHERE originator_id = 'file/n'")
    assert found(report) == [
        "position 24: gap in positions: no fact stands at 24 to 26",
        "file/n, fact 1: removed: its row speaks of 3 facts, and there are 0",
    ]


def test_what_no_checkpoint_covers_can_be_rewritten_but_is_never_called_covered(with_tail: Place) -> None:
    """The limit of the proof, as docs/audit.md states it."""
    report = after(
        with_tail, "DELETE FROM stored_events WHERE originator_id = 'file/n'", ledgers.match_read_models
    )
    assert (report.findings, report.facts, report.covered) == ([], 23, 18)


def test_a_text_that_was_recorded_broken_is_undecodable_and_no_traceback(covered: Place) -> None:
    def break_and_reseal(database: Any) -> None:
        database.execute("UPDATE stored_events SET state = x'ff7b' WHERE position = 26")
        database.execute("DELETE FROM checkpoints")
        ledgers.reseal(database, "file/n")

    report = after(covered, break_and_reseal)
    assert report.findings[0].kind is Kind.UNDECODABLE
    assert (report.findings[0].stream, report.findings[0].number) == ("file/n", 3)


WHAT_SQLITE_TAKES = [
    ("originator_id", "NULL"),
    ("originator_id", "x'00'"),
    ("originator_id", "CAST(x'ff' AS TEXT)"),
    ("originator_version", "'seven'"),
    ("originator_version", "1.5"),
    ("originator_version", "-1"),
    ("originator_version", "9223372036854775807"),
    ("topic", "5"),
    ("topic", "CAST(x'ff' AS TEXT)"),
    ("topic", "'Sung'"),
    ("state", "'{}'"),
    ("state", "5"),
    ("state", "x''"),
    ("state", "zeroblob(100000)"),
    ("cause", "'{}'"),
    ("salt", "NULL"),
    ("salt", "'salt'"),
    ("digest", "x'00'"),
    ("digest", "5"),
    ("link", "'link'"),
    ("link", "x''"),
    ("at", "NULL"),
    ("file_id", "NULL"),
    ("file_id", "x'66'"),
]
WHAT_POSTGRES_TAKES = [
    ("originator_id", "NULL"),
    ("originator_id", "''"),
    ("originator_id", "U&'\\200b\\202e'"),
    ("originator_version", "NULL"),
    ("originator_version", "-1"),
    ("originator_version", "9223372036854775807"),
    ("originator_version", "-9223372036854775808"),
    ("topic", "NULL"),
    ("topic", "'Sung'"),
    ("state", "NULL"),
    ("state", "x''"),
    ("state", "x'ff'"),
    ("state", "decode(repeat('00', 100000), 'hex')"),
    ("cause", "x'7b7d'"),
    ("salt", "NULL"),
    ("salt", "x'00'"),
    ("digest", "x'00'"),
    ("link", "NULL"),
    ("link", "x''"),
    ("at", "NULL"),
    ("at", "'now'"),
    ("file_id", "NULL"),
    ("file_id", "'another'"),
]


@pytest.mark.parametrize("position", [6, 20, 26])
def test_any_kind_of_value_in_any_column_is_a_finding(
    covered: Place, with_tail: Place, position: int
) -> None:
    for original in (covered, with_tail):
        for column, value in WHAT_POSTGRES_TAKES if isinstance(original, str) else WHAT_SQLITE_TAKES:

            def put(database: Any, column: str = column, value: str = value) -> None:
                if isinstance(database, psycopg.Connection):
                    database.execute(f"ALTER TABLE stored_events ALTER {column} DROP NOT NULL")
                database.execute(f"UPDATE stored_events SET {column} = {value} WHERE position = {position}")

            try:
                report = ledgers.tampered(original, put)
            except REFUSED:
                continue
            assert report.findings, (column, value)
            assert all(str(finding).isprintable() for finding in report.findings)
            json.dumps([finding.plain for finding in report.findings])


def test_two_facts_under_one_number_are_found(with_tail: Place) -> None:
    """Somebody may take the table's own rules away first."""

    def copy_without_rules(database: Any) -> None:
        database.execute("CREATE TABLE loose AS SELECT * FROM stored_events")
        database.execute("DROP TABLE stored_events")
        database.execute("CREATE TABLE stored_events AS SELECT * FROM loose")
        last = "SELECT 27, " + ", ".join(ledgers.COLUMNS) + " FROM loose WHERE position = 26"
        database.execute(f"INSERT INTO stored_events {last}")

    assert "file/n, fact 3, position 27: inserted: two facts have this number" in found(
        after(with_tail, copy_without_rules)
    )


def test_a_row_that_is_not_at_its_last_fact_is_found(covered: Place) -> None:
    behind = "UPDATE documents SET version = 9 WHERE key = 'k'"
    report = after(covered, behind, "DELETE FROM files WHERE id = 'n'")
    assert found(report) == [
        "document/k, fact 10: read model differs: its row speaks of 9 facts, and there are 10",
        "file/n, fact 1: read model differs: its row speaks of 0 facts, and there are 3",
    ]


def test_tables_that_were_taken_away_are_findings(covered: Place) -> None:
    (finding,) = after(covered, "DROP TABLE checkpoints").findings[:1]
    assert finding.kind is Kind.CHECKPOINT
    assert re.match(
        'the rest cannot be read: (no such table: checkpoints$|relation "checkpoints" does not exist)',
        finding.detail,
    )
    (finding,) = after(covered, "DROP TABLE files").findings
    assert finding.kind is Kind.DAMAGED
    assert re.match('no such table: files$|relation "files" does not exist', finding.detail)


def test_thousands_of_findings_are_enough(covered: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "MANY", 5)
    report = after(covered, "UPDATE stored_events SET topic = 'Left'")
    assert report.given_up
    assert len(report.findings) == 5


# -- checkpoints ------------------------------------------------------------------------------------------


def test_a_checkpoint_taken_away_is_missed_by_the_next(covered: Place) -> None:
    assert found(after(covered, "DELETE FROM checkpoints WHERE position = 18")) == [
        "position 18: checkpoint: those between 0 and 18 are missing"
    ]


def test_no_checkpoint_at_all_is_a_finding_where_there_is_a_key(covered: Place) -> None:
    assert found(after(covered, "DELETE FROM checkpoints")) == [
        "the database: checkpoint: there is a key, but no checkpoint that it vouches for"
    ]


def test_one_checkpoint_in_the_place_of_another_is_found(covered: Place) -> None:
    report = after(covered, "UPDATE checkpoints SET position = 25 WHERE position = 26")
    assert found(report) == ["position 25: checkpoint: it stands where another one stood"]


@pytest.mark.parametrize("level", [0, 1, 9])
def test_a_checkpoint_packed_otherwise_says_what_it_said(covered: Place, level: int) -> None:
    """Its text is signed, not how that is packed: another zlib may have packed what a backup brings back."""

    def pack_anew(database: Any) -> None:
        ((body,),) = database.execute("SELECT body FROM checkpoints WHERE position = 18").fetchall()
        packed = zlib.compress(unpacked(body), level)
        assert packed != body
        database.execute("UPDATE checkpoints SET body = ? WHERE position = 18", (packed,))

    report = after(covered, pack_anew, anchors={18: hash_of(covered, 18)})
    assert (report.findings, report.covered) == ([], 26)


def test_a_last_checkpoint_taken_away_is_missed_only_by_who_kept_its_hash(covered: Place) -> None:
    hash_ = hash_of(covered, 26)
    assert checked(covered, anchors={26: hash_}).findings == []
    less = "DELETE FROM checkpoints WHERE position = 26"
    assert after(covered, less).findings == []
    assert found(after(covered, less, anchors={26: hash_})) == [
        "position 26: checkpoint: the one that was kept elsewhere is missing"
    ]


async def test_who_has_the_key_is_betrayed_by_a_hash_kept_elsewhere(covered: Place, place: Place) -> None:
    async with LedgerJournal.open(place) as journal:
        await Writer(journal).story()
        await journal.checkpoint(KEY.sign, at(51))
    assert verify(place, [KEY.public_key()]).findings == []
    assert found(verify(place, [KEY.public_key()], {18: hash_of(covered, 18)})) == [
        "position 18: checkpoint: it is another one than was kept elsewhere"
    ]


def hash_of(place: Place, position: int) -> str:
    ((body,),) = rows(place, f"SELECT body FROM checkpoints WHERE position = {position}")
    return sha256(unpacked(body)).hexdigest()


async def test_a_key_that_was_replaced_still_vouches_for_what_it_signed(place: Place) -> None:
    async with LedgerJournal.open(place) as journal:
        writer = Writer(journal)
        await writer.story()
        await journal.checkpoint(KEY.sign, at(50))
        await writer.sequel()
        await journal.checkpoint(OTHER.sign, at(70))
    assert verify(place, [KEY.public_key(), OTHER.public_key()]).findings == []
    assert found(verify(place, [OTHER.public_key()])) == [
        "position 18: checkpoint: it was changed, or signed with another key"
    ]
    assert verify(place, [OTHER.public_key()]).covered == 8


def test_checkpoints_without_a_key_cannot_be_checked(covered: Place) -> None:
    with pytest.raises(CannotCheck, match="no key to check them with"):
        verify(covered, [])


async def test_a_log_without_checkpoints_and_key_is_checked_by_its_chains(place: Place) -> None:
    async with LedgerJournal.open(place) as journal:
        await Writer(journal).story()
    report = verify(place, [])
    assert (report.findings, report.facts, report.covered) == ([], 18, 0)


# -- redaction --------------------------------------------------------------------------------------------


def redacted(database: Any, text: bytes = b"", *, seal: bool = True, position: int = 6) -> None:
    """As an erasure does it: the digest kept, the salt destroyed, and a fact that says so."""
    select = (
        "SELECT originator_id, originator_version, salt, state, cause FROM stored_events WHERE position = ?"
    )
    stream, number, salt, state, cause = database.execute(select, (position,)).fetchone()
    text = text or state.replace(b"Ada", b"somebody")
    sql = "UPDATE stored_events SET salt = NULL, digest = ?, state = ?, cause = NULL WHERE position = ?"
    database.execute(sql, (seals.digest(salt, state, cause), text, position))
    if seal:
        append_redacted(database, stream, {str(number): seals.what_is_left(text, None)})


def append_redacted(database: Any, stream: str, left: dict[str, str]) -> None:
    sql = "SELECT max(originator_version), max(file_id) FROM stored_events WHERE originator_id = ?"
    last, file = database.execute(sql, (stream,)).fetchone()
    sql = "SELECT link FROM stored_events WHERE originator_id = ? AND originator_version = ?"
    (before,) = database.execute(sql, (stream, last)).fetchone()
    state = json.dumps({"at": at(80).isoformat(), "user": "ada", "by": "ann", "left": left}).encode()
    digest = seals.digest(bytes(16), state, None)
    link = seals.link(before, stream, last + 1, "Redacted", digest)
    row = (stream, last + 1, "Redacted", state, ledgers.events_at(80), file, bytes(16), link)
    ledgers.insert(database, (ledgers.last(database) + 1, *row))
    ledgers.match_read_models(database)


def test_what_was_redacted_and_sealed_is_as_it_should_be(covered: Place) -> None:
    report = after(covered, redacted)
    assert (report.findings, report.redacted, report.facts, report.covered) == ([], 1, 27, 26)


def test_a_second_redaction_of_the_same_fact_has_the_last_word(covered: Place) -> None:
    def again(database: Any) -> None:
        redacted(database)
        sql = "SELECT state FROM stored_events WHERE position = 6"
        text = database.execute(sql).fetchone()[0].replace(b"::1", b"an address")
        database.execute("UPDATE stored_events SET state = ? WHERE position = 6", (text,))
        append_redacted(database, "document/k", {"2": seals.what_is_left(text, None)})

    assert after(covered, again).findings == []


def test_a_fact_emptied_without_a_word_is_found(covered: Place, with_tail: Place) -> None:
    for original in (covered, with_tail):
        (finding,) = after(original, lambda database: redacted(database, seal=False)).findings
        assert finding.kind is Kind.REDACTED
        assert (finding.stream, finding.number, finding.position) == ("document/k", 2, 6)


def test_what_was_left_cannot_be_changed_once_more(covered: Place) -> None:
    def change(database: Any) -> None:
        (text,) = database.execute("SELECT state FROM stored_events WHERE position = 6").fetchone()
        text = text.replace(b"somebody", b"mallory")
        database.execute("UPDATE stored_events SET state = ? WHERE position = 6", (text,))

    (finding,) = after(covered, redacted, change).findings
    assert (finding.kind, finding.number) == (Kind.REDACTED, 2)


def test_a_redaction_that_leaves_nothing_readable_is_found(covered: Place) -> None:
    (finding,) = after(covered, lambda database: redacted(database, b"{}")).findings
    assert (finding.kind, finding.number) == (Kind.UNDECODABLE, 2)
