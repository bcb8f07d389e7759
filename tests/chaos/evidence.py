"""What the log says of itself after everything that failed: no fault may look like somebody's hand."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from application.repeating import repeat
from infrastructure.evidence import verify
from infrastructure.journal.past import Past
from infrastructure.signing import public_half


def doubts(log: Path | str, key: Path, files: Iterable[str]) -> list[str]:
    """What `docledger verify` finds, and which decisions `docledger replay --check` makes otherwise."""
    found = [str(finding) for finding in verify(log, [public_half(key)]).findings]
    with Past.open(log) as past:
        for file in files:
            subject = past.subject(file)
            assert subject, f"{file} is not in the log"
            if difference := repeat(past.incident(subject)).difference:
                found.append(f"decided otherwise: {difference.fact} on {difference.command}")
    return found
