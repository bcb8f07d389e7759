"""Who is asking."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    id: str  # our own short id, never the outside `sub`
    name: str
    role: str = "user"
