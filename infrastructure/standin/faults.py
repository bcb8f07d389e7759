"""Misfortunes on order: what shall go wrong, how often and for whom. They are suffered elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KINDS = {
    "callback": {"delay", "lost", "cut", "deaf", "duplicate", "reorder"},
    "download": {"refuse", "cut", "error", "gone", "garbage", "stall", "delay"},
    "command": {"delay", "error", "refuse"},
    "assembly": {"fail", "corrupt"},
}
WITH_STATUS = {"callback", "assembly"}


class BadFault(Exception):
    """An order that makes no sense."""


@dataclass(slots=True)
class Fault:
    where: str
    kind: str
    key: str | None = None
    statuses: frozenset[int] = frozenset()  # none: any
    times: int = 1
    seconds: float = 1.0

    def befalls(self, where: str, key: str, statuses: tuple[int, ...]) -> bool:
        if self.where != where or self.key not in {None, key}:
            return False
        return not self.statuses or not self.statuses.isdisjoint(statuses)


@dataclass(eq=False, slots=True)
class Faults:
    waiting: list[Fault] = field(default_factory=list)

    def order(self, fault: Fault) -> None:
        self.waiting.append(fault)

    def take(self, where: str, key: str, *statuses: int) -> Fault | None:
        """The fault that this happening suffers, if any: first come, first served."""
        for fault in self.waiting:
            if fault.befalls(where, key, statuses):
                fault.times -= 1
                if not fault.times:
                    self.waiting.remove(fault)
                return fault
        return None

    def clear(self) -> None:
        self.waiting.clear()

    def __len__(self) -> int:
        return sum(fault.times for fault in self.waiting)


def read_fault(claims: Mapping[str, Any]) -> Fault:
    """Raises BadFault."""
    where, kind, key = claims.get("where"), claims.get("kind"), claims.get("key")
    if not isinstance(where, str) or not isinstance(kind, str) or kind not in KINDS.get(where, set()):
        raise BadFault(f"no fault {kind!r} at {where!r}")
    if key is not None and not isinstance(key, str):
        raise BadFault("key is a string")
    return Fault(
        where,
        kind,
        key,
        _statuses(claims, where),
        int(_number(claims, "times", 1)),
        _number(claims, "seconds", 0),
    )


def _statuses(claims: Mapping[str, Any], where: str) -> frozenset[int]:
    statuses = claims.get("statuses")
    if statuses is None:
        return frozenset()
    if not isinstance(statuses, list) or not all(type(each) is int for each in statuses) or not statuses:
        raise BadFault("statuses is a list of numbers")
    if where not in WITH_STATUS:
        raise BadFault(f"a {where} has no status")
    return frozenset(statuses)


def _number(claims: Mapping[str, Any], name: str, least: float) -> float:
    value = claims.get(name, 1)
    if type(value) not in {int, float} or not least <= value <= 1_000_000:
        raise BadFault(f"{name} is a number from {least:g}")
    return float(value)
