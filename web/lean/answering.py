"""An answer as bytes: its head, and the framing by which a client knows where it ends (RFC 9112, 6)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus

from web.lean.parsing import Header

LENGTH, ENCODING, CONNECTION = b"content-length", b"transfer-encoding", b"connection"
FRAMING = frozenset({LENGTH, ENCODING, CONNECTION})
BODILESS = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
TOKEN = re.compile(rb"[-!#$%&'*+.^_`|~0-9a-zA-Z]+")
DIGITS = re.compile(rb"[0-9]{1,18}")
UNFIT = re.compile(rb"[\0\n-\r]")  # NUL, and whatever could end a line


class WrongLength(Exception):
    """The application says more, or less, than it has promised."""


class Answer:
    def __init__(
        self, method: str, version: str, status: int, headers: Iterable[Header], *, last: bool
    ) -> None:
        """To a request of that method and version; the `last` closes the connection, as some do anyway.

        Raises ValueError.
        """
        self.closes = last
        self.done = False
        is_tunnel = method == "CONNECT" and 200 <= status < 300
        self._silent = method == "HEAD" or status in BODILESS or is_tunnel
        self._left: int | None = None  # bytes that are promised
        self._chunked = False
        lines = [_first(status)]
        for name, value in headers:
            kind, said = _line(name, value)
            if not kind:
                lines.append(said)
            elif kind == LENGTH:
                self._promise(said)
            elif kind == CONNECTION:
                self.closes = self.closes or b"close" in said.lower()
        lines += self._framing(version, status), b"\r\n"
        self.head = b"".join(lines)

    def _promise(self, value: bytes) -> None:
        if not DIGITS.fullmatch(value) or self._left not in {None, int(value)}:
            raise ValueError(f"a length cannot be {value!r}")
        self._left = int(value)

    def _framing(self, version: str, status: int) -> bytes:
        framing = b""
        if self._left is not None:
            framing = b"content-length: %d\r\n" % self._left
        elif status in BODILESS:
            pass
        elif version == "1.1":
            framing, self._chunked = b"transfer-encoding: chunked\r\n", True
        else:
            self.closes = True  # that is how its end is told
        return framing + b"connection: close\r\n" if self.closes else framing

    def piece(self, body: bytes) -> list[bytes]:
        """What is to be sent for it. Raises WrongLength."""
        if self._silent or not body:
            return []
        if self._chunked:
            return [b"%x\r\n" % len(body), body, b"\r\n"]
        if self._left is not None:
            if len(body) > self._left:
                raise WrongLength(f"{len(body)} bytes follow where {self._left} are promised")
            self._left -= len(body)
        return [body]

    def end(self) -> list[bytes]:
        """The same, for the end. Raises WrongLength."""
        if self._left and not self._silent:
            raise WrongLength(f"{self._left} bytes are missing")
        self.done = True
        return [b"0\r\n\r\n"] if self._chunked and not self._silent else []


@lru_cache(256)
def _first(status: int) -> bytes:
    return b"HTTP/1.1 %d \r\n" % status


@lru_cache(1024)  # most headers are said again and again
def _line(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """What is to be sent; of a header that frames the answer, which, and its value. Raises ValueError."""
    name, value = name.strip(), value.strip()
    if not TOKEN.fullmatch(name):
        raise ValueError(f"a header cannot be called {name!r}")
    if UNFIT.search(value):
        raise ValueError(f"a header {name!r} cannot be {value!r}")
    kind = name.lower()
    return (kind, value) if kind in FRAMING else (b"", b"%b: %b\r\n" % (name, value))
