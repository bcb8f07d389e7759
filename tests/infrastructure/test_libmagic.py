"""With or without a libmagic on the system the service starts, and the verdicts are the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infrastructure.libmagic import libmagic_version, load_magic
from infrastructure.sniffer import judge
from tests.infrastructure.test_sniffer import BAD, GOOD, REAL

JUDGE_ALL = """
import json, os, sys
from pathlib import Path
before = dict(os.environ)
from infrastructure.libmagic import libmagic_version
from infrastructure.sniffer import judge
verdicts = [judge(Path(path), filetype).accepted for path, filetype in json.load(sys.stdin)]
json.dump([libmagic_version(), verdicts, before == dict(os.environ)], sys.stdout)
"""


@pytest.fixture
def hidden(tmp_path: Path) -> dict[str, str]:
    """An environment in which the system's libmagic cannot be loaded: a broken one is found first."""
    broken = tmp_path / "lib"
    broken.mkdir()
    for name in ("libmagic.so.1", "libmagic.so"):
        (broken / name).write_text("no library")
    return {**os.environ, "LD_LIBRARY_PATH": str(broken)}


@pytest.fixture
def asked(tmp_path: Path) -> list[tuple[str, str]]:
    """Every test document, with the type it is to be judged as."""
    blobs = [(str(path), path.suffix[1:]) for path in REAL]
    built = [*GOOD, *((filetype, data) for filetype, data, _ in BAD)]
    for number, (filetype, data) in enumerate(built):
        path = tmp_path / str(number)
        path.write_bytes(data)
        blobs.append((str(path), filetype))
    return blobs


def test_the_bundled_library_takes_over_and_judges_alike(
    hidden: dict[str, str], asked: list[tuple[str, str]]
) -> None:
    child = subprocess.run(
        [sys.executable, "-c", JUDGE_ALL],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        env=hidden,
        check=True,
    )
    version, verdicts, environment_kept = json.loads(child.stdout)
    assert version.endswith("(bundled)")
    assert verdicts == [judge(Path(path), filetype).accepted for path, filetype in asked]
    assert environment_kept


def test_the_version_says_which_library_was_taken() -> None:
    assert load_magic() is load_magic()
    assert libmagic_version().startswith("5.")
    assert libmagic_version().endswith("(bundled)" if load_magic().bundled else "(system)")


def test_a_missing_file_is_an_error_and_not_a_type(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        load_magic().mime_of(str(tmp_path / "nowhere"))
