"""The pages, rendered on the server, each with a strict Content-Security-Policy."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from application.telling import doing, size_of
from domain.formats import format_of
from web.context import Site, context_of, origin_of, person_of
from web.kinds import TYPES, convertible
from web.words import isolated, near, utc

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    cache_size=-1,  # all of them, in a plain dictionary
    auto_reload=False,  # else each page looks on the disk whether its templates have changed
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

TEMPLATES.filters |= {"doing": doing, "isolated": isolated, "near": near, "size": size_of, "utc": utc}

PAGE = 100


def query_of(request: Request, **others: str) -> str:
    """A query that also keeps playing the demo's other users from page to page."""
    given = {name: value for name, value in {"as": played(request), **others}.items() if value}
    return "?" + urlencode(given) if given else ""


def played(request: Request) -> str:
    """Whom the demo plays."""
    return request.query_params.get("as", "") if context_of(request).site.demo else ""


def render(
    request: Request,
    template: str,
    values: Mapping[str, Any],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    nonce = new_nonce()
    html = TEMPLATES.get_template(template).render(
        nonce=nonce, query=query_of(request), played=played(request), **values
    )
    said = policy(nonce, context_of(request).site)
    return HTMLResponse(html, status, headers={**said, **(headers or {})})


def new_nonce() -> str:
    return secrets.token_urlsafe(16)


def policy(nonce: str, site: Site, server: str | None = None) -> dict[str, str]:
    """`server`: the Document Server's url, for the one page that embeds it."""
    rules = [
        "default-src 'none'",
        f"script-src 'nonce-{nonce}'" + (" 'strict-dynamic'" if server else ""),
        "style-src 'self'" + (" 'unsafe-inline'" if server else ""),  # its api.js styles the frame
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        " ".join(["frame-ancestors 'self'", *site.frame_ancestors]),
    ]
    if server:
        rules += [f"frame-src {origin_of(server)}"]
    said = {"Content-Security-Policy": "; ".join(rules)}
    if site.https and not server:  # plain http cannot; who opens the editor in a window may talk to it
        said["Cross-Origin-Opener-Policy"] = "same-origin"
    return said


async def index(request: Request) -> Response:
    """The list of files, with what is open and what has been saved."""
    context, person = context_of(request), person_of(request)
    rows = await context.journal.files(person.id, before=request.query_params.get("before"), limit=PAGE)
    openable = {row.id for row in rows if format_of(row.file.name)}
    values = {
        "person": person,
        "site": context.site,
        "files": rows,
        "openable": openable,
        "convertible": {row.id for row in rows if convertible(row, person)},
        "types": TYPES,
        "asked": "docx",
        "me": person.id,
        "older": query_of(request, before=rows[-1].id) if len(rows) == PAGE else None,
        "listing": query_of(request, before=request.query_params.get("before", "")),
    }
    return render(request, "index.html", values)
