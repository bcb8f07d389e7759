"""What was done to a real log, by somebody who can write to its database, is named."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infrastructure.evidence import CannotCheck, Kind, Report, in_sqlite, verify, verifying
from infrastructure.journal import LedgerJournal, seals
from infrastructure.journal.checkpoints import unpacked
from tests.infrastructure import ledgers
from tests.infrastructure.ledgers import KEY, Writer, checked, opened_for_tampering
from tests.story import at, joined, opened

OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))


@pytest.fixture(scope="module")
def covered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ledgers.make(tmp_path_factory.mktemp("covered") / "ledger.db")


@pytest.fixture(scope="module")
def with_tail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ledgers.make(tmp_path_factory.mktemp("tail") / "ledger.db", sequel_covered=False)


def after(original: Path, *doings: str | Callable[[sqlite3.Connection], None]) -> Report:
    path = ledgers.copied(original)
    with opened_for_tampering(path) as database:
        for doing in doings:
            if isinstance(doing, str):
                database.execute(doing)
            else:
                doing(database)
    return checked(path)


def found(report: Report) -> list[str]:
    return [str(finding) for finding in report.findings]


def test_a_log_that_nobody_touched_is_clean(covered: Path, with_tail: Path) -> None:
    report = checked(covered)
    assert (report.findings, report.facts, report.covered, report.checkpoints) == ([], 26, 26, 2)
    report = checked(with_tail)
    assert (report.findings, report.facts, report.covered, report.last) == ([], 26, 18, 26)


def test_vacuum_moves_nothing(covered: Path) -> None:
    path = ledgers.copied(covered)
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("VACUUM")
    database.close()
    assert checked(path).findings == []


def test_a_whole_stream_taken_out_with_its_row_is_named_fact_by_fact(covered: Path) -> None:
    report = after(
        covered,
        "DELETE FROM stored_events WHERE originator_id = 'file/n'",
        "DELETE FROM files WHERE id = 'n'",
        ledgers.match_read_models,
    )
    assert found(report) == [
        f"file/n, fact {number}, position {23 + number}: removed: it is missing" for number in (1, 2, 3)
    ]


def test_a_whole_stream_that_no_checkpoint_covers_is_missed_by_its_row(with_tail: Path) -> None:
    report = after(with_tail, "DELETE FROM stored_events WHERE originator_id = 'file/n'")
    assert found(report) == [
        "position 24: gap in positions: no fact stands at 24 to 26",
        "file/n, fact 1: removed: its row speaks of 3 facts, and there are 0",
    ]


def test_what_no_checkpoint_covers_can_be_rewritten_but_is_never_called_covered(with_tail: Path) -> None:
    """The limit of the proof, as docs/audit.md states it."""
    report = after(
        with_tail, "DELETE FROM stored_events WHERE originator_id = 'file/n'", ledgers.match_read_models
    )
    assert (report.findings, report.facts, report.covered) == ([], 23, 18)


def test_a_text_that_was_recorded_broken_is_undecodable_and_no_traceback(covered: Path) -> None:
    def break_and_reseal(database: sqlite3.Connection) -> None:
        database.execute("UPDATE stored_events SET state = x'ff7b' WHERE position = 26")
        database.execute("DELETE FROM checkpoints")
        ledgers.reseal(database, "file/n")

    report = after(covered, break_and_reseal)
    assert report.findings[0].kind is Kind.UNDECODABLE
    assert (report.findings[0].stream, report.findings[0].number) == ("file/n", 3)


@pytest.mark.parametrize(
    ("column", "value"),
    [
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
    ],
)
@pytest.mark.parametrize("position", [6, 20, 26])
def test_any_kind_of_value_in_any_column_is_a_finding(
    covered: Path, with_tail: Path, column: str, value: str, position: int
) -> None:
    for original in (covered, with_tail):
        path = ledgers.copied(original)
        with opened_for_tampering(path) as database:
            try:
                database.execute("PRAGMA ignore_check_constraints = on")
                database.execute(f"UPDATE stored_events SET {column} = {value} WHERE position = {position}")
            except sqlite3.IntegrityError:
                continue
        report = checked(path)
        assert report.findings
        assert all(str(finding).isprintable() for finding in report.findings)
        json.dumps([finding.plain for finding in report.findings])


def test_two_facts_under_one_number_are_found(with_tail: Path) -> None:
    """Somebody may take the table's own rules away first."""

    def copy_without_rules(database: sqlite3.Connection) -> None:
        database.execute("CREATE TABLE loose AS SELECT * FROM stored_events")
        database.execute("DROP TABLE stored_events")
        sql = ",".join(("position INTEGER PRIMARY KEY", *ledgers.COLUMNS))
        database.execute(f"CREATE TABLE stored_events ({sql})")
        database.execute("INSERT INTO stored_events SELECT * FROM loose")
        last = "SELECT 27, " + ", ".join(ledgers.COLUMNS) + " FROM loose WHERE position = 26"
        database.execute(f"INSERT INTO stored_events {last}")

    assert "file/n, fact 3, position 27: inserted: two facts have this number" in found(
        after(with_tail, copy_without_rules)
    )


def test_a_row_that_is_not_at_its_last_fact_is_found(covered: Path) -> None:
    behind = "UPDATE documents SET version = 9 WHERE key = 'k'"
    report = after(covered, behind, "DELETE FROM files WHERE id = 'n'")
    assert found(report) == [
        "document/k, fact 10: read model differs: its row speaks of 9 facts, and there are 10",
        "file/n, fact 1: read model differs: its row speaks of 0 facts, and there are 3",
    ]


def test_tables_that_were_taken_away_are_findings(covered: Path) -> None:
    (finding,) = after(covered, "DROP TABLE checkpoints").findings[:1]
    assert (finding.kind, finding.detail) == (
        Kind.CHECKPOINT,
        "the rest cannot be read: no such table: checkpoints",
    )
    assert found(after(covered, "DROP TABLE files")) == ["the database: damaged: no such table: files"]


def test_thousands_of_findings_are_enough(covered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "MANY", 5)
    report = after(covered, "UPDATE stored_events SET topic = 'Left'")
    assert report.given_up
    assert len(report.findings) == 5


# -- checkpoints ------------------------------------------------------------------------------------------


def test_a_checkpoint_taken_away_is_missed_by_the_next(covered: Path) -> None:
    assert found(after(covered, "DELETE FROM checkpoints WHERE position = 18")) == [
        "position 18: checkpoint: those between 0 and 18 are missing"
    ]


def test_no_checkpoint_at_all_is_a_finding_where_there_is_a_key(covered: Path) -> None:
    assert found(after(covered, "DELETE FROM checkpoints")) == [
        "the database: checkpoint: there is a key, but no checkpoint that it vouches for"
    ]


def test_one_checkpoint_in_the_place_of_another_is_found(covered: Path) -> None:
    report = after(covered, "UPDATE checkpoints SET position = 25 WHERE position = 26")
    assert found(report) == ["position 25: checkpoint: it stands where another one stood"]


def test_a_last_checkpoint_taken_away_is_missed_only_by_who_kept_its_hash(covered: Path) -> None:
    hash_ = hash_of(covered, 26)
    assert checked(covered, anchors={26: hash_}).findings == []
    path = ledgers.copied(covered)
    with opened_for_tampering(path) as database:
        database.execute("DELETE FROM checkpoints WHERE position = 26")
    assert checked(path).findings == []
    assert found(checked(path, anchors={26: hash_})) == [
        "position 26: checkpoint: the one that was kept elsewhere is missing"
    ]


async def test_who_has_the_key_is_betrayed_by_a_hash_kept_elsewhere(tmp_path: Path) -> None:
    path, other = tmp_path / "true.db", tmp_path / "false.db"
    for database in (path, other):
        async with LedgerJournal.open(database) as journal:
            await Writer(journal).story()
            await journal.checkpoint(KEY.sign, at(50 if database == path else 51))
    assert verify(other, [KEY.public_key()]).findings == []
    assert found(verify(other, [KEY.public_key()], {18: hash_of(path, 18)})) == [
        "position 18: checkpoint: it is another one than was kept elsewhere"
    ]


def hash_of(path: Path, position: int) -> str:
    with opened_for_tampering(path) as database:
        (body,) = database.execute("SELECT body FROM checkpoints WHERE position = ?", (position,)).fetchone()
    return sha256(unpacked(body)).hexdigest()


async def test_a_key_that_was_replaced_still_vouches_for_what_it_signed(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with LedgerJournal.open(path) as journal:
        writer = Writer(journal)
        await writer.story()
        await journal.checkpoint(KEY.sign, at(50))
        await writer.sequel()
        await journal.checkpoint(OTHER.sign, at(70))
    assert verify(path, [KEY.public_key(), OTHER.public_key()]).findings == []
    assert found(verify(path, [OTHER.public_key()])) == [
        "position 18: checkpoint: it was changed, or signed with another key"
    ]
    assert verify(path, [OTHER.public_key()]).covered == 8


def test_checkpoints_without_a_key_cannot_be_checked(covered: Path) -> None:
    with pytest.raises(CannotCheck, match="no key to check them with"):
        verify(covered, [])


async def test_a_log_without_checkpoints_and_key_is_checked_by_its_chains(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with LedgerJournal.open(path) as journal:
        await Writer(journal).story()
    report = verify(path, [])
    assert (report.findings, report.facts, report.covered) == ([], 18, 0)


# -- redaction --------------------------------------------------------------------------------------------


def redacted(
    database: sqlite3.Connection, text: bytes = b"", *, seal: bool = True, position: int = 6
) -> None:
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


def append_redacted(database: sqlite3.Connection, stream: str, left: dict[str, str]) -> None:
    sql = "SELECT max(originator_version), file_id FROM stored_events WHERE originator_id = ?"
    last, file = database.execute(sql, (stream,)).fetchone()
    sql = "SELECT link FROM stored_events WHERE originator_id = ? AND originator_version = ?"
    (before,) = database.execute(sql, (stream, last)).fetchone()
    state = json.dumps({"at": at(80).isoformat(), "user": "ada", "by": "ann", "left": left}).encode()
    digest = seals.digest(bytes(16), state, None)
    link = seals.link(before, stream, last + 1, "Redacted", digest)
    row = (stream, last + 1, "Redacted", state, ledgers.events_at(80), file, bytes(16), link)
    database.execute(
        "INSERT INTO stored_events (originator_id, originator_version, topic, state, at, file_id, salt, link)"
        " VALUES (?,?,?,?,?,?,?,?)",
        row,
    )
    ledgers.match_read_models(database)


def test_what_was_redacted_and_sealed_is_as_it_should_be(covered: Path) -> None:
    report = after(covered, redacted)
    assert (report.findings, report.redacted, report.facts, report.covered) == ([], 1, 27, 26)


def test_a_second_redaction_of_the_same_fact_has_the_last_word(covered: Path) -> None:
    def again(database: sqlite3.Connection) -> None:
        redacted(database)
        sql = "SELECT state FROM stored_events WHERE position = 6"
        text = database.execute(sql).fetchone()[0].replace(b"::1", b"an address")
        database.execute("UPDATE stored_events SET state = ? WHERE position = 6", (text,))
        append_redacted(database, "document/k", {"2": seals.what_is_left(text, None)})

    assert after(covered, again).findings == []


def test_a_fact_emptied_without_a_word_is_found(covered: Path, with_tail: Path) -> None:
    for original in (covered, with_tail):
        (finding,) = after(original, lambda database: redacted(database, seal=False)).findings
        assert finding.kind is Kind.REDACTED
        assert (finding.stream, finding.number, finding.position) == ("document/k", 2, 6)


def test_what_was_left_cannot_be_changed_once_more(covered: Path) -> None:
    (finding,) = after(
        covered,
        redacted,
        "UPDATE stored_events SET state = CAST(replace(state, 'somebody', 'mallory') AS BLOB)"
        " WHERE position = 6",
    ).findings
    assert (finding.kind, finding.number) == (Kind.REDACTED, 2)


def test_a_redaction_that_leaves_nothing_readable_is_found(covered: Path) -> None:
    (finding,) = after(covered, lambda database: redacted(database, b"{}")).findings
    assert (finding.kind, finding.number) == (Kind.UNDECODABLE, 2)


# -- a damaged file ---------------------------------------------------------------------------------------


async def large(path: Path, sessions: int = 200) -> None:
    """The first facts of all sessions, then the second ones: far from each other in the file."""
    async with LedgerJournal.open(path) as journal:
        writer = Writer(journal)
        openings = [replace(opened(), file=f"f{number}") for number in range(sessions)]
        await journal.append(*(writer.document(f"k{fact.file}", fact) for fact in openings))
        await journal.append(*(writer.document(f"k{fact.file}", joined()) for fact in openings))
        await journal.checkpoint(KEY.sign, at())


async def test_facts_on_a_damaged_page_are_named_and_the_others_checked(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    await large(path)
    content = bytearray(path.read_bytes())
    page = content.index(b'"file":"f100"') // 4096
    content[page * 4096 : (page + 1) * 4096] = b"\xff" * 4096
    path.write_bytes(content)
    report = checked(path)
    damaged = [finding for finding in report.findings if finding.stream]
    assert {finding.kind for finding in damaged} == {Kind.DAMAGED}
    assert 1 <= len(damaged) <= 30
    assert report.facts + len(damaged) == 400
    assert all(finding.stream == f"document/kf{(finding.position or 0) - 1}" for finding in damaged)


async def test_a_database_that_somebody_holds_cannot_be_checked_now(
    covered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_sqlite, "PATIENCE", 0.05)
    path = ledgers.copied(covered)
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("PRAGMA journal_mode = DELETE")
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(CannotCheck, match="cannot be read now: database is locked"):
            checked(path)


@pytest.mark.parametrize("left", [0, 100, 4096, 9000, 40960])
def test_a_file_cut_short_is_no_traceback(covered: Path, left: int) -> None:
    path = ledgers.copied(covered)
    path.write_bytes(path.read_bytes()[:left])
    if left == 0:
        with pytest.raises(CannotCheck, match="holds no log"):
            checked(path)
    else:
        assert [finding.kind for finding in checked(path).findings] == [Kind.DAMAGED]


def test_a_check_writes_nothing(covered: Path) -> None:
    path = ledgers.copied(covered)
    before = path.read_bytes()
    assert checked(path).findings == []
    assert path.read_bytes() == before
    wal = path.with_name(f"{path.name}-wal")
    assert not wal.exists() or wal.stat().st_size == 0
