"""The editor's history panel: what `refreshHistory` and `setHistoryData` take."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from application.history import Entry, panel_key
from application.journal import VersionRow
from web.context import Context, context_of, person_of
from web.files import version_number
from web.links import link


async def listed(request: Request) -> Response:
    """The head stands last, whatever its number: the editor lets one restore all versions but the last."""
    row, entries = await context_of(request).history.of(request.path_params["id"], person_of(request))
    ordered = sorted(entries, key=lambda entry: (entry.row.number == row.file.head, entry.row.number))
    return JSONResponse({"currentVersion": row.file.head, "history": [_listed(entry) for entry in ordered]})


async def shown(request: Request) -> Response:
    context, file_id = context_of(request), request.path_params["id"]
    found = await context.history.version(file_id, version_number(request), person_of(request))
    data: dict[str, Any] = {"version": found.row.number, **_document(context, file_id, found.row)}
    if found.base:
        data["previous"] = _document(context, file_id, found.base)
        data["changesUrl"] = link(context, file_id, found.row.number, changes=True)
    token = context.tokens.sign_config(data)
    return JSONResponse({**data, "token": token} if token else data)


def _listed(entry: Entry) -> dict[str, Any]:
    listed: dict[str, Any] = {
        "version": entry.row.number,
        "key": entry.key,
        "created": entry.row.created.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"),
        "user": {"id": entry.author.id, "name": entry.author.name},
    }
    if entry.server_version and entry.changes:
        listed |= {"serverVersion": entry.server_version, "changes": entry.changes}
    return listed


def _document(context: Context, file_id: str, version: VersionRow) -> dict[str, Any]:
    return {
        "key": panel_key(file_id, version),
        "url": link(context, file_id, version.number),
        "fileType": version.filetype,
    }
