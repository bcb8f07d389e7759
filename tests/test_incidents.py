"""Every incident ever kept is decided today as it was decided then.

A file of `docledger export --redact` dropped into the folder is a test.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from application.repeating import repeat
from infrastructure.incidents import read
from web.commands.printing import repetition_lines

INCIDENTS = sorted((Path(__file__).parent / "incidents").glob("*.jsonl"))


def test_there_are_incidents() -> None:
    assert INCIDENTS


@pytest.mark.parametrize("path", INCIDENTS, ids=lambda path: path.stem)
def test_an_incident_is_decided_as_it_was(path: Path) -> None:
    with path.open("rb") as lines:
        result = repeat(read(lines))
    assert result.difference is None, "\n".join(repetition_lines(result))
    assert result.decisions
