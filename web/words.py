"""Counts, lists, moments and foreign text, as they are put into pages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

MORE = {"loss": "losses", "save by button": "saves by button", "recovery": "recoveries"}
# A run that is written from right to left, with what stands between its words.
RTL = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
FOREIGN = re.compile(rf"[{RTL}]+(?:[^\w\n()]*(?:[{RTL}]+|\([{RTL}\s]+\)))*")
TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
STYLES = {
    "day": "{0.day} {0:%b %Y}",
    "date": "{0.day} {0:%b}",
    "minute": "{0:%H:%M}",
    "second": "{0:%H:%M:%S}",
}
FULL = "{0.day} {0:%b %Y, %H:%M:%S} UTC"
ISOLATE, POP = "\u2068", "\u2069"


def counted(number: int, what: str) -> str:
    return f"{number:,} {what if number == 1 else MORE.get(what, what + 's')}"


def listed(what: Sequence[str]) -> str:
    """As a sentence has them: a, b and c."""
    return " and ".join(filter(None, (", ".join(what[:-1]), *what[-1:])))


def shortened(text: str, letters: int) -> str:
    return text if len(text) <= letters else text[: letters - 1].rstrip() + "…"


def isolated(text: str) -> str:
    """Foreign names keep their own direction, and cannot turn the sentence they stand in."""
    return FOREIGN.sub(lambda run: f"{ISOLATE}{run[0]}{POP}", TURNING.sub("", text))


def utc(at: datetime, style: str = "") -> str:
    """What is said until the page's script says it in the reader's own zone."""
    return STYLES.get(style, FULL).format(at.astimezone(UTC))


def near(number: float) -> str:
    """A coordinate: a tenth is more than anybody sees."""
    return f"{number:.1f}".removesuffix(".0")
