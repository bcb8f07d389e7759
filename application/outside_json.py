"""JSON that others send, read without giving them the stack.

`json.loads` goes down one C frame a level, up to the interpreter's limit. Whatever runs at that moment, such
as a finalizer that the garbage collector has come to, fails there too, and nobody is told.
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

MOST_LEVELS = 100  # a callback has six
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_MANY_DIGITS = b"0" * 19  # 2**63 has as many
_MARKS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{\]}]', re.DOTALL)


def value_of(text: bytes) -> Any:
    """As `json.loads` has it. Raises ValueError."""
    if is_deep(text):
        raise ValueError(f"it is nested deeper than {MOST_LEVELS} levels")
    if _MANY_DIGITS in text.translate(_DIGITS):  # orjson would round what is beyond 64 bits
        return json.loads(text)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:  # half a surrogate pair, NaN, UTF-16: Python's knows more than JSON
        return json.loads(text)


def is_deep(text: bytes) -> bool:
    """Whether it may be; only JSON of many objects and lists is looked at closely."""
    if text.count(b"[") + text.count(b"{") <= MOST_LEVELS:
        return False
    if b"\0" in text:  # UTF-16, which json.loads knows too: its quotes are not where they seem to be
        return True
    level = 0
    for mark in _MARKS.finditer(text):
        first = mark[0][:1]
        level += (first in b"[{") - (first in b"]}")
        if level > MOST_LEVELS:
            return True
    return False
