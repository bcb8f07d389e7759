"""The audit of dependencies fails on a finding, and not on a database that cannot be reached."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.audit import PINNED, audited, judged

CLEAN = {"name": "h11", "version": "0.16.0", "vulns": []}
FLAW = {"id": "PYSEC-2025-1", "fix_versions": ["0.16.0"], "aliases": [], "description": "x"}
BAD = {"name": "h11", "version": "0.14.0", "vulns": [FLAW]}
SKIPPED = {"name": "h2", "skip_reason": "Dependency not found on PyPI and could not be audited: h2 (4.4.1)"}


def said(*dependencies: object) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


def test_a_finding_fails_and_is_named() -> None:
    words, failed = judged(said(CLEAN, BAD), "Found 1 known vulnerability in 1 package")
    assert failed
    assert "h11 0.14.0: PYSEC-2025-1, mended in 0.16.0" in words


def test_nothing_found_is_good() -> None:
    assert judged(said(CLEAN), "") == ("1 of 1 releases audited, 0 findings.", False)


def test_what_the_database_does_not_know_is_not_called_good() -> None:
    words, failed = judged(said(CLEAN, SKIPPED), "")
    assert not failed
    assert words.startswith("1 of 2 releases audited")
    assert "Not audited, since the database did not know them: h2." in words
    assert "all of them" in judged(said(SKIPPED), "").words


@pytest.mark.parametrize(
    "complaint",
    [
        "requests.exceptions.ConnectionError: HTTPSConnectionPool: Max retries exceeded",
        "ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed: ConnectionError",
        "pip_audit._service.interface.ServiceError: 503",
    ],
)
def test_a_database_that_is_not_reached_is_reported(complaint: str) -> None:
    words, failed = judged("", complaint)
    assert not failed
    assert words == f"Not audited: the vulnerability database was not reached: {complaint}"


@pytest.mark.parametrize("said_", ["", "no json", "[]", '{"dependencies"'])
def test_an_audit_that_does_not_work_fails(said_: str) -> None:
    assert judged(said_, "usage: pip-audit [-h]").failed


def test_every_release_that_we_pin_is_exact() -> None:
    lines = PINNED.read_text().splitlines()
    assert all(line.count("==") == 1 for line in lines)
    assert lines == sorted(lines, key=lambda line: line.lower().replace("-", "_"))


def test_a_file_that_is_not_there_is_no_clean_audit(tmp_path: Path) -> None:
    assert audited(tmp_path / "nothing.txt").failed
