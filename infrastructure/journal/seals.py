"""Each stream is a hash chain: a fact's link covers the one before it, its place, and its text.

The text is covered through a salted digest, so that a person's data can be taken out of a fact later
without breaking the chain, and without leaving a hash that guesses could be tried on.
"""

from __future__ import annotations

import os
from hashlib import sha256

SALT = 16  # bytes
START = bytes(32)


def new_salt() -> bytes:
    return os.urandom(SALT)


def digest(salt: bytes, state: bytes, cause: bytes | None) -> bytes:
    """Of what a fact says and of what was decided on, which are what can be redacted."""
    return sha256(b"%b%d\n%b%b" % (salt, len(state), state, cause or b"")).digest()


def link(before: bytes, stream: str, number: int, topic: str, digest: bytes) -> bytes:
    """`before` is the link of the stream's fact before this one, START for the first."""
    place = f"{stream}\n{number}\n{topic}\n".encode()
    return sha256(before + digest + place).digest()


def what_is_left(state: bytes, cause: bytes | None) -> str:
    """What a Redacted fact says about each fact that it changed."""
    return sha256(state + b"\n" + (cause or b"")).hexdigest()
