"""Identifiers that sort by time: 26 of [0-9a-v], 48 bits of milliseconds and 80 of chance."""

from __future__ import annotations

import secrets
from datetime import datetime

DIGITS = "0123456789abcdefghijklmnopqrstuv"


def new_id(now: datetime) -> str:
    number = (int(now.timestamp() * 1000) << 80) | secrets.randbits(80)
    return "".join(DIGITS[(number >> shift) & 31] for shift in range(125, -1, -5))
