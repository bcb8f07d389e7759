"""JSON that we write for others: quick, and never refused for what it holds.

Not for facts: their stored text is what the log's chains were computed over, and is the standard library's.
"""

from __future__ import annotations

import json
from typing import Any

import orjson


def text_of(value: Any) -> bytes:
    """Compact, in UTF-8, what is no number as null. Raises TypeError for what is no JSON at all."""
    try:
        return orjson.dumps(value)
    except TypeError:  # half a surrogate pair, a number beyond 64 bits, a key that is no text
        return json.dumps(value, separators=(",", ":")).encode()
