"""An id for each request: a trusted proxy's own, else a new one."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

from infrastructure.addresses import Network, from_proxy

HEADER = b"x-request-id"
SANE = re.compile(rb"[A-Za-z0-9._-]{1,64}")


def request_id(scope: Mapping[str, Any], trusted_proxies: Sequence[Network]) -> str:
    if trusted_proxies and from_proxy(scope, trusted_proxies):
        for name, value in scope["headers"]:
            if name == HEADER and SANE.fullmatch(value):
                return str(value, "ascii")
    return f"{random.getrandbits(64):016x}"
