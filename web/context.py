"""What every endpoint works with, put together once by the composition root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from application.audit import Audit
from application.callbacks import Callbacks
from application.copies import Copies
from application.desk import Desk
from application.files import Files
from application.history import History
from application.journal import Journal
from application.limits import RateLimit
from application.live import Feed
from application.opening import Door
from application.operating import Operating
from application.people import ADMIN, AUDITOR, Person
from application.ports import Blobs
from application.replacing import Replacing
from application.tokens import BadToken, Tokens
from application.trust import Trust
from domain.keys import user_id
from web.streams import Streams

FILE_CLAIMS = "docledger.file_claims"  # of this request's link, verified: a key of the ASGI scope


class Unauthenticated(Exception):
    """Nobody is signed in; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Site:
    """The settings that the web needs; urls have no trailing slash."""

    public_url: str
    storage_url: str
    document_server_url: str
    demo: bool
    standin: bool
    durable: bool  # CALLBACK_REPLY
    editor_lang: str
    max_file_bytes: int


@dataclass(frozen=True, slots=True)
class Context:
    site: Site
    journal: Journal
    blobs: Blobs
    desk: Desk
    door: Door
    files: Files
    copies: Copies
    history: History
    audit: Audit
    callbacks: Callbacks
    replacing: Replacing
    operating: Operating
    feed: Feed
    streams: Streams
    tokens: Tokens
    trust: Trust
    limit: RateLimit
    address_of: Callable[[Any], str]  # a client's address, from an ASGI scope
    subject_of: Callable[[str], str]  # whom to count for an address


def context_of(connection: HTTPConnection) -> Context:
    context: Context = connection.state.context
    return context


def person_of(connection: HTTPConnection) -> Person:
    """Who is asking: a bearer token or the `token` cookie, or whoever the demo plays.

    Raises Unauthenticated.
    """
    context = context_of(connection)
    if context.site.demo:
        name = connection.query_params.get("as", "").strip()[:60] or "local"
        if name == "local":
            return Person(user_id(name), "You", f"{AUDITOR} {ADMIN}")
        return Person(user_id(name), name)
    token = bearer(connection.headers) or connection.cookies.get("token")
    if not token:
        raise Unauthenticated("Sign in first: send Authorization: Bearer, or the token cookie.")
    try:
        claims = context.tokens.read_user(token)
    except BadToken as bad:
        raise Unauthenticated(f"Sign in again: {bad}.") from bad
    return Person(user_id(claims.sub), claims.name[:120], claims.role)


def origin_of(url: str) -> str:
    """Scheme, host and port of one of our configured urls, as browsers write an origin."""
    return "/".join(url.split("/")[:3])


def bearer(headers: Headers) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
