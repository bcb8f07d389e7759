"""What an examination comes to: checks, each with a verdict and the one thing to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

MEND_FIRST = "Mend that first, then run the checks again."


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    verdict: Verdict
    detail: str  # for people; nothing secret
    remedy: str = ""  # the one thing to do, if there is something


def ok(name: str, detail: str) -> Check:
    return Check(name, Verdict.OK, detail)


def warn(name: str, detail: str, remedy: str) -> Check:
    return Check(name, Verdict.WARN, detail, remedy)


def fail(name: str, detail: str, remedy: str) -> Check:
    return Check(name, Verdict.FAIL, detail, remedy)


def not_tried(name: str, because: str, remedy: str = MEND_FIRST) -> Check:
    """Neither well nor ill: another check says what to mend first."""
    return warn(name, f"Not looked at: {because}", remedy)


def failed(checks: Sequence[Check]) -> bool:
    return any(check.verdict is Verdict.FAIL for check in checks)


def summary(checks: Sequence[Check]) -> str:
    """Such as: 14 ok, 1 warning, 2 failures."""
    count = Counter(check.verdict for check in checks)
    words = [f"{count[Verdict.OK]} ok"]
    for verdict, one in ((Verdict.WARN, "warning"), (Verdict.FAIL, "failure")):
        words.append(f"{count[verdict]} {one}{'' if count[verdict] == 1 else 's'}")
    return ", ".join(words)


def plain(checks: Sequence[Check]) -> dict[str, Any]:
    """As JSON has them."""
    fields = ("name", "verdict", "detail", "remedy")
    return {"checks": [{name: str(getattr(check, name)) for name in fields} for check in checks]}
