"""The editor: its signed configuration, and the page that shows it."""

from __future__ import annotations

import json
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from application.opening import Opening
from application.people import Person
from domain.words import Mode
from web.context import Context, context_of, person_of
from web.creating import create_url
from web.errors import BadRequest, Misconfigured
from web.kinds import convertible
from web.links import link
from web.pages import render

API_JS = "/web-apps/apps/api/documents/api.js"
TYPES = frozenset({"desktop", "mobile", "embedded"})
LANGUAGE = re.compile(r"[a-zA-Z]{2,3}(-[a-zA-Z]{2,4})?")
MOBILE = re.compile(r"\b(Mobi|Android|iPhone|iPad)")

ASK_THE_OPERATOR = (
    "The Document Server does not accept Docledger's signature. Set DOCLEDGER_DOCUMENT_SERVER_SECRET "
    "to the server's own secret (services.CoAuthoring.secret, or JWT_SECRET of its container)."
)

UNSIGNED = (
    "Docledger does not know the Document Server's secret. Set DOCLEDGER_DOCUMENT_SERVER_SECRET to it "
    "(services.CoAuthoring.secret, or JWT_SECRET of its container)."
)


async def config(request: Request) -> Response:
    return JSONResponse(await _configuration(request))


async def viewer(request: Request) -> Response:
    """A page of its own; it asks the config endpoint again when the server says the key is outdated."""
    context, person = context_of(request), person_of(request)
    configuration = await _configuration(request)
    row = await context.files.get(request.path_params["id"], person)
    document = configuration["config"]["document"]
    values = {
        "title": document["title"],
        "key": document["key"],
        "file_id": request.path_params["id"],
        "script": configuration["onlyofficeJsUrl"],
        "island": _json_island(configuration),
        "convertible": convertible(row, person),
        "standin": context.site.standin,
    }
    return render(request, "viewer.html", values, server=context.site.document_server_url)


def _json_island(value: Any) -> str:
    """JSON that cannot end its script element."""
    return json.dumps(value).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


async def _configuration(request: Request) -> dict[str, Any]:
    context, person = context_of(request), person_of(request)
    if not await context.trust.settled():
        raise Misconfigured(ASK_THE_OPERATOR)
    if not context.tokens.can_sign:
        raise Misconfigured(UNSIGNED)
    address = context.address_of(request.scope)
    opening = await context.door.open(request.path_params["id"], person, address, wanted=_mode(request))
    configured = _config(context, opening, person, request)
    return {
        "config": configured,
        "token": context.tokens.sign_config(configured),
        "onlyofficeJsUrl": context.site.document_server_url + API_JS,
    }


def _config(context: Context, opening: Opening, person: Person, request: Request) -> dict[str, Any]:
    """ONLYOFFICE's editor configuration (its "Config" reference has the fields)."""
    file, site = opening.row.file, context.site
    edit = opening.mode is Mode.EDIT
    return {
        "document": {
            "fileType": opening.format.extension,
            "key": opening.key,
            "title": file.name,
            "url": link(context, opening.row.id, opening.version, key=opening.key),
            "info": {"owner": file.owner_name, "uploaded": opening.row.added_at.date().isoformat()},
            "permissions": {
                "comment": edit,
                "download": True,
                "edit": edit,
                "fillForms": edit,
                "print": True,
                "review": edit,
            },
        },
        "documentType": opening.format.document_type,
        "editorConfig": {
            "callbackUrl": f"{site.storage_url}/api/onlyoffice/callback",
            "createUrl": create_url(request, opening.format.document_type),
            "customization": {"forcesave": True},
            "lang": _language(request, site.editor_lang),
            "mode": opening.mode.value,
            "user": {"id": person.id, "name": person.name},
        },
        "type": _type(request),
    }


def _mode(request: Request) -> Mode:
    wanted = request.query_params.get("mode", "edit")
    if wanted not in set(Mode):
        raise BadRequest("mode is either edit or view.")
    return Mode(wanted)


def _type(request: Request) -> str:
    wanted = request.query_params.get("type")
    if wanted is None:
        return "mobile" if MOBILE.search(request.headers.get("user-agent", "")) else "desktop"
    if wanted not in TYPES:
        raise BadRequest("type is one of desktop, mobile, embedded.")
    return wanted


def _language(request: Request, default: str) -> str:
    asked = request.query_params.get("lang")
    if asked is not None and not LANGUAGE.fullmatch(asked):
        raise BadRequest("lang is a language such as en or pt-BR.")
    return asked or default
