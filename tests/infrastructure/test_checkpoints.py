"""Checkpoints are made while the log grows, and at the end; the key that signs them is made once."""

from __future__ import annotations

import logging
import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
import trio.testing
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from infrastructure.evidence import Kind
from infrastructure.journal import LedgerJournal, checkpoints
from infrastructure.journal.checkpointing import checkpointing
from infrastructure.settings import SettingsError
from infrastructure.signing import is_signed, public_half, public_key, signer, signing_key
from tests.databases import Place, execute, rows
from tests.infrastructure.ledgers import KEY, Writer, checked
from tests.story import at

DEADLINE = 1000  # looks


def stored(place: Place) -> list[int]:
    return [position for (position,) in rows(place, "SELECT position FROM checkpoints ORDER BY 1")]


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(DEADLINE):
        if condition():
            return
        await trio.sleep(1)
    raise AssertionError("it never came true")


async def test_they_are_made_as_the_log_grows(
    place: Place, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "infrastructure.journal")
    async with LedgerJournal.open(place) as journal, checkpointing(journal, KEY.sign, 60, at):
        writer = Writer(journal)
        await writer.story()
        await until(lambda: stored(place)[-1:] == [18])
        await trio.sleep(1000)
        assert stored(place)[-1] == 18
        await writer.sequel()
        await until(lambda: stored(place)[-1] == 26)
    assert list(anchors(caplog)) == stored(place)
    report = checked(place, anchors=anchors(caplog))
    assert (report.findings, report.covered) == ([], 26)


async def test_the_last_one_is_made_at_the_end(place: Place) -> None:
    async with LedgerJournal.open(place) as journal:
        async with checkpointing(journal, KEY.sign, 3600, at):
            await Writer(journal).story()
        assert stored(place)[-1] == 18


def anchors(caplog: pytest.LogCaptureFixture) -> dict[int, str]:
    lines = (record.getMessage() for record in caplog.records if record.levelno == logging.INFO)
    found = filter(None, (re.fullmatch(r"checkpoint (\d+):([0-9a-f]{64}) is signed", line) for line in lines))
    return {int(match[1]): match[2] for match in found}


async def test_a_long_log_is_covered_by_several_at_once(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "MOST", 5)
    async with LedgerJournal.open(place) as journal:
        await Writer(journal).story()
        async with checkpointing(journal, KEY.sign, 3600, at):
            pass
    assert stored(place) == [5, 10, 15, 18]
    assert checked(place).findings == []


async def test_nothing_new_needs_no_checkpoint(place: Place) -> None:
    async with LedgerJournal.open(place) as journal:
        assert await journal.checkpoint(KEY.sign, at()) is None
        await Writer(journal).story()
        assert await journal.checkpoint(KEY.sign, at())
        assert await journal.checkpoint(KEY.sign, at()) is None


async def test_a_failure_is_reported_and_made_up_for(
    place: Place, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with LedgerJournal.open(place) as journal:
        execute(place, "ALTER TABLE checkpoints RENAME TO mislaid")
        async with checkpointing(journal, KEY.sign, 60, at):
            await Writer(journal).story()
            await until(lambda: "no checkpoint can be made" in caplog.text)
            execute(place, "ALTER TABLE mislaid RENAME TO checkpoints")
            await until(lambda: stored(place) == [18])


async def test_a_spoilt_checkpoint_does_not_stop_the_next(place: Place) -> None:
    async with LedgerJournal.open(place) as journal:
        writer = Writer(journal)
        await writer.story()
        await journal.checkpoint(KEY.sign, at(50))
        execute(place, "UPDATE checkpoints SET body = x'00'")
        await writer.sequel()
        await journal.checkpoint(KEY.sign, at(60))
    report = checked(place)
    assert [(finding.kind, finding.position) for finding in report.findings] == [(Kind.CHECKPOINT, 18)]
    assert report.covered == 8


async def test_a_forged_checkpoint_beyond_the_log_does_not_stop_the_next(place: Place) -> None:
    async with LedgerJournal.open(place) as journal:
        execute(place, "INSERT INTO checkpoints VALUES (1000000, x'00', x'00')")
        await Writer(journal).story()
        assert await journal.checkpoint(KEY.sign, at())
    report = checked(place)
    assert [(finding.kind, finding.position) for finding in report.findings] == [(Kind.CHECKPOINT, 1000000)]
    assert report.covered == 18


# -- the key ----------------------------------------------------------------------------------------------


def test_the_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "checkpoint.key"
    signature = signing_key(path).sign(b"text")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert is_signed(b"text", signature, [signing_key(path).public_key()])
    assert is_signed(b"text", signature, [KEY.public_key(), public_half(path)])
    assert not is_signed(b"text", signature, [KEY.public_key()])
    assert not is_signed(b"another", signature, [public_half(path)])
    assert list(path.parent.iterdir()) == [path]


def test_the_key_is_made_with_its_first_signature(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.key"
    sign = signer(path)
    assert not path.exists()
    assert is_signed(b"text", sign(b"text"), [public_half(path)])
    assert is_signed(b"more", sign(b"more"), [public_half(path)])


def test_a_key_that_cannot_be_used_is_reported_before_it_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.key"
    path.write_text("spoilt")
    with pytest.raises(SettingsError):
        signer(path)


async def test_a_key_that_cannot_be_made_is_no_reason_to_stop(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / "ledger.db"
    async with LedgerJournal.open(path) as journal:
        async with checkpointing(journal, signer(tmp_path / "file" / "checkpoint.key"), 3600, at):
            await Writer(journal).story()
        assert "no checkpoint can be made: " in caplog.text
        assert stored(path) == []


def test_a_public_half_is_read_from_its_own_file(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pub"
    path.write_bytes(KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert public_key(path) == KEY.public_key()


PKCS8 = PrivateFormat.PKCS8
ENCRYPTED = BestAvailableEncryption(b"word")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\x00",
        generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PKCS8, NoEncryption()),
        Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PKCS8, ENCRYPTED),
    ],
    ids=["empty", "no PEM", "of another kind", "encrypted"],
)
def test_what_is_no_key_of_ours_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "checkpoint.key"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"checkpoint\.key cannot be used: .*CHECKPOINT_KEY"):
        signing_key(path)
    with pytest.raises(ValueError, match=r"."):
        public_key(path)
