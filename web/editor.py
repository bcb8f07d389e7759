"""The editor: its signed configuration, and the page that shows it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from application.opening import Opening
from application.own_json import text_of
from application.people import Person
from web.context import Context, context_of, person_of
from web.editor_config import EMBEDDED, Wishes, editor_config
from web.errors import Misconfigured
from web.kinds import convertible
from web.pages import TEMPLATES, new_nonce, policy, query_of

API_JS = "/web-apps/apps/api/documents/api.js"
NONCE, ISLAND = secrets.token_hex(16), secrets.token_hex(16)

ASK_THE_OPERATOR = (
    "The Document Server does not accept Docledger's signature. Set DOCLEDGER_DOCUMENT_SERVER_SECRET "
    "to the server's own secret (services.CoAuthoring.secret, or JWT_SECRET of its container)."
)

UNSIGNED = (
    "Docledger does not know the Document Server's secret. Set DOCLEDGER_DOCUMENT_SERVER_SECRET to it "
    "(services.CoAuthoring.secret, or JWT_SECRET of its container)."
)


@dataclass(frozen=True, slots=True)
class Configured:
    """The contract's answer, and what it is for."""

    opening: Opening
    wishes: Wishes
    answer: Mapping[str, Any]


async def config(request: Request) -> Response:
    configured = await _configured(request, person_of(request))
    return Response(text_of(configured.answer), media_type="application/json")


async def viewer(request: Request) -> Response:
    """A page of its own; it asks the config endpoint again when the server says the key is outdated."""
    context, person = context_of(request), person_of(request)
    configured = await _configured(request, person)
    row, file_id, query = configured.opening.row, request.path_params["id"], query_of(request)
    page = _page(
        title=row.file.name,
        file_id=file_id,
        query=query,
        script=configured.answer["onlyofficeJsUrl"],
        sharing=f"/files/{file_id}{query}#sharing" if row.file.owner == person.id else "",
        embedded=configured.wishes.type == EMBEDDED,
        convertible=convertible(row, person),
    )
    nonce = new_nonce()
    html = page.replace(NONCE, nonce).replace(ISLAND, _json_island(configured.answer))
    return HTMLResponse(html, headers=policy(nonce, context.site, context.site.document_server_url))


@lru_cache(1000)
def _page(**values: str | bool) -> str:
    """A file's page, but for what is new each time: there it has marks that nobody can have written."""
    return TEMPLATES.get_template("viewer.html").render(nonce=NONCE, island=ISLAND, **values)


def _json_island(value: Any) -> str:
    """JSON that cannot end its script element."""
    return text_of(value).decode().replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


async def _configured(request: Request, person: Person) -> Configured:
    context = context_of(request)
    await _able_to_sign(context)
    wishes = Wishes.of(request)
    address = context.address_of(request.scope)
    opening = await context.door.open(request.path_params["id"], person, address, wanted=wishes.mode)
    config = editor_config(context, opening, person, wishes)
    answer = {
        "config": config,
        "token": context.tokens.sign_config(config),
        "onlyofficeJsUrl": context.site.document_server_url + API_JS,
    }
    return Configured(opening, wishes, answer)


async def _able_to_sign(context: Context) -> None:
    """Raises Misconfigured."""
    if not await context.trust.settled():
        raise Misconfigured(ASK_THE_OPERATOR)
    if not context.tokens.can_sign:
        raise Misconfigured(UNSIGNED)
