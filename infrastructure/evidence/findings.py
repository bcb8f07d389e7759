"""What a check of the log comes to."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    CHANGED = "changed"
    REMOVED = "removed"
    INSERTED = "inserted"
    REORDERED = "reordered"
    UNDECODABLE = "undecodable"
    REDACTED = "redacted, and no Redacted fact says so"
    GAP = "gap in positions"
    DAMAGED = "damaged"
    READ_MODEL = "read model differs"
    CHECKPOINT = "checkpoint"


@dataclass(frozen=True, slots=True)
class Finding:
    kind: Kind
    detail: str
    stream: Any = None  # whatever stands in its column
    number: Any = None
    position: int | None = None

    def __str__(self) -> str:
        where = [] if self.stream is None else [f"{shown(self.stream)}, fact {shown(self.number)}"]
        if self.position is not None:
            where.append(f"position {self.position}")
        return f"{', '.join(where) or 'the database'}: {self.kind}: {self.detail}"

    @property
    def plain(self) -> dict[str, Any]:
        """As JSON can hold it."""
        stream, number = (value and shown(value) for value in (self.stream, self.number))
        number = self.number if isinstance(self.number, int) else number
        place = {"stream": stream, "number": number, "position": self.position}
        return {"kind": self.kind.name.lower(), **place, "detail": self.detail}


@dataclass(slots=True)
class Report:
    facts: int = 0  # looked at
    covered: int = 0  # of them, by checkpoints that can be trusted
    redacted: int = 0
    checkpoints: int = 0
    last_covered: int = 0  # the position that the last of them reaches
    last: int = 0  # position in the log
    given_up: bool = False  # after too many findings
    findings: list[Finding] = field(default_factory=list)


def shown(value: Any) -> str:
    """Safe on a terminal, whatever somebody has written into the column."""
    return value if isinstance(value, str) and value.isprintable() else ascii(value)
