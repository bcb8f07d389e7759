"""The head of an answer: h11 is given what it goes by; what it would only look over is looked over here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

import h11

FRAMING = frozenset({b"connection", b"content-length", b"transfer-encoding"})
TOKEN = re.compile(rb"[-!#$%&'*+.^_`|~0-9a-zA-Z]+")
UNFIT = re.compile(rb"[\0\n-\r]")  # as h11 has it: NUL, and whatever could end a line


def head_of(http: h11.Connection, status: int, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """What begins the answer, as bytes to be sent. Raises ValueError, h11.LocalProtocolError."""
    framing, lines = [], []
    for name, value in headers:
        name, value = name.strip(), value.strip()  # noqa: PLW2901
        if _is_framing(name):
            framing.append((name, value))
        elif UNFIT.search(value):
            raise ValueError(f"a header {name!r} cannot be {value!r}")
        else:
            lines.append(b"%b: %b\r\n" % (name, value))
    head = http.send(_response(status, tuple(framing)))
    assert head is not None, "the client has not hung up"
    return b"".join([head[:-2], *lines, b"\r\n"])


@lru_cache(256)
def _response(status: int, framing: tuple[tuple[bytes, bytes], ...]) -> h11.Response:
    """Which h11 has looked over. Raises h11.LocalProtocolError."""
    return h11.Response(status_code=status, headers=list(framing))


@lru_cache(256)
def _is_framing(name: bytes) -> bool:
    """Raises ValueError."""
    if not TOKEN.fullmatch(name):
        raise ValueError(f"a header cannot be called {name!r}")
    return name.lower() in FRAMING
