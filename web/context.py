"""What every endpoint works with, put together once by the composition root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from application import about
from application.audit import Audit
from application.callbacks import Callbacks
from application.copies import Copies
from application.desk import Desk
from application.doctor.doctor import Doctor
from application.files import Files
from application.history import History
from application.journal import Journal
from application.limits import Limits
from application.live import Feed
from application.observing import Metrics
from application.opening import Door
from application.operating import Operating
from application.people import ADMIN, AUDITOR, Person
from application.ports import Blobs
from application.readiness import Readiness
from application.renaming import Renaming
from application.replacing import Replacing
from application.tokens import BadToken, Tokens, UserClaims
from application.trust import Trust
from application.ushering import Usher
from application.webhooks import Webhooks
from domain.keys import user_id
from web.streams import Streams

SUBJECTS = {"id": "file", "key": "key"}  # what a parameter of a path names, in the log
COOKIE = "token"  # the surrounding application's, by contract
OUR_COOKIE = "__Host-token"  # under https: no other host of the same domain can set it
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
    editor_theme: str | None
    max_file_bytes: int
    frame_ancestors: tuple[str, ...] = ()  # origins
    accel_redirect: str | None = None  # nginx's internal location of the blobs

    @property
    def https(self) -> bool:
        return self.public_url.startswith("https:")


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
    renaming: Renaming
    replacing: Replacing
    operating: Operating
    doctor: Doctor
    feed: Feed
    streams: Streams
    webhooks: Webhooks
    tokens: Tokens
    trust: Trust
    usher: Usher
    limits: Limits
    address_of: Callable[[Any], str]  # a client's address, from an ASGI scope
    subject_of: Callable[[str], str]  # whom to count for an address
    metrics: Metrics
    readiness: Readiness
    request_id: Callable[[Any], str]  # of an ASGI scope
    is_scraper: Callable[[str], bool]  # whether this is the METRICS_TOKEN


def context_of(connection: HTTPConnection) -> Context:
    context: Context = connection.scope["state"]["context"]
    return context


def person_of(connection: HTTPConnection) -> Person:
    """Who is asking: a bearer token or the `token` cookie, or whoever the demo plays.

    Raises Unauthenticated.
    """
    person = _person_of(connection)
    asked = connection.path_params
    about.note(user=person.id, **{SUBJECTS[name]: asked[name] for name in SUBJECTS.keys() & asked.keys()})
    return person


def _person_of(connection: HTTPConnection) -> Person:
    context = context_of(connection)
    if context.site.demo:
        name = connection.query_params.get("as", "").strip()[:60] or "local"
        if name == "local":
            return Person(user_id(name), "You", f"{AUDITOR} {ADMIN}")
        return Person(user_id(name), name)
    claims = _signed_in(context, connection)
    return Person(user_id(claims.sub), claims.name[:120], claims.role)


def _signed_in(context: Context, connection: HTTPConnection) -> UserClaims:
    """By a header, or the first cookie that is good: of two names one may have outlived its token."""
    given = bearer(connection.headers)
    cookies = [connection.cookies.get(name) for name in (OUR_COOKIE, COOKIE)]
    why = "Sign in first: send Authorization: Bearer, or the token cookie."
    for token in filter(None, [given] if given else cookies):
        try:
            return context.tokens.read_user(token)
        except BadToken as bad:
            why = f"Sign in again: {bad}."
    raise Unauthenticated(why)


def origin_of(url: str) -> str:
    """Scheme, host and port of one of our configured urls, as browsers write an origin."""
    return "/".join(url.split("/")[:3])


def bearer(headers: Headers) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
