"""What no request may be, wherever it goes, and what every answer says of itself."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urlsplit

from hypercorn.config import Config
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

RawHeader = tuple[bytes, bytes]

STATIC = "/static/"
MOST_HEADERS = 100
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
NOT_A_PAGE = b"default-src 'none'; frame-ancestors 'none'"
LONGEST_AUTHORITY = 300  # characters; a name in the DNS has 253 at most
A_YEAR = 31_536_000  # seconds


class Guard:
    def __init__(self, app: ASGIApp, hosts: frozenset[str] | None) -> None:
        """`hosts` are the only ones that we may be called by: without sign-in, a page elsewhere whose name
        is made to lead here would be let in as one of ours (DNS rebinding). None is any.
        """
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            answer = _refused(scope) or self._misdirected(scope) or self._app
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _misdirected(self, scope: Scope) -> Response | None:
        if self._hosts is None or host_of(_host(scope)) in self._hosts:
            return None
        return _refusal(421, "misdirected", "This is the demo, for this machine only: open its PUBLIC_URL.")


class GuardedConfig(Config):
    """Hypercorn's, whose own answers say it too."""

    always: Iterable[RawHeader] = ()

    def response_headers(self, protocol: str) -> list[RawHeader]:
        return [*super().response_headers(protocol), *self.always]


def said_always(public_url: str) -> list[RawHeader]:
    headers = [
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"same-origin"),  # with none at all, our own forms come from the origin "null"
        (b"cross-origin-resource-policy", b"same-origin"),
    ]
    if public_url.startswith("https:"):
        headers.append((b"strict-transport-security", b"max-age=%d" % A_YEAR))
    return headers


def _host(scope: Scope) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")


def host_of(authority: str) -> str:
    """A host without its port, as browsers compare them; empty for what is none."""
    return _host_of(authority) if len(authority) <= LONGEST_AUTHORITY else ""


@lru_cache(256)
def _host_of(authority: str) -> str:
    try:
        return (urlsplit(f"//{authority}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _refused(scope: Scope) -> Response | None:
    headers = scope["headers"]
    if scope["http_version"] not in {"1.0", "1.1"}:
        return _refusal(505, "http_version", "Docledger speaks HTTP/1.1.")
    if len(headers) > MOST_HEADERS:
        return _refusal(431, "too_many_headers", f"A request can have at most {MOST_HEADERS} headers.")
    if not scope["path"].startswith("/") or CONTROL.search(scope["path"]):
        return _refusal(400, "bad_path", "A path begins with / and holds no control characters.")
    names = {name for name, _ in headers}
    if b"transfer-encoding" in names and (b"content-length" in names or scope["http_version"] == "1.0"):
        # Two readers of the same bytes could see two different requests (RFC 9112, 6.1).
        return _refusal(400, "two_lengths", "Send either Content-Length or, in HTTP/1.1, Transfer-Encoding.")
    return None


def _refusal(status: int, code: str, message: str) -> Response:
    return JSONResponse({"message": message, "code": code}, status, headers={"Connection": "close"})


def completed(scope: Scope, headers: Iterable[RawHeader]) -> list[RawHeader]:
    """With what an answer does not say itself: it is no page to be run or framed, and nobody keeps it."""
    headers = [*headers]
    names = {name for name, _ in headers}
    if b"content-security-policy" not in names:
        headers.append((b"content-security-policy", NOT_A_PAGE))
    if b"cache-control" not in names:
        headers.append((b"cache-control", b"no-cache" if scope["path"].startswith(STATIC) else b"no-store"))
    return headers
