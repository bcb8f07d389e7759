"""Identifiers: the Document Server key of a session, and our own short ids."""

from __future__ import annotations

import re
from base64 import b32encode
from datetime import datetime
from functools import lru_cache
from hashlib import sha256

KEY = re.compile(r"[0-9a-zA-Z\-._=]{1,128}")  # what the Document Server takes; the vendor documents 128


@lru_cache(4096)
def user_id(subject: str) -> str:
    """Our short id for an outside `sub`, which is never itself put into a key: 26 of [a-z2-7]."""
    return b32encode(sha256(f"user {subject}".encode()).digest()[:16]).decode().rstrip("=").lower()


def document_key(user: str, file: str, at: datetime) -> str:
    """A fresh key, `userId-fileId-timestamp`, to be looked up and never parsed."""
    return f"{user}-{file}-{int(at.timestamp() * 1000)}"
