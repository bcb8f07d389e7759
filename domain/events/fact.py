"""What all facts have, and what every stream may hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Redacted(Fact):
    """A person's data were taken out of earlier facts of this stream; `left` seals what remains."""

    user: str
    by: str
    left: Mapping[str, str]  # a fact's number -> the SHA-256 of its new text
