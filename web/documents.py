"""What is open now."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from application.files import Forbidden, NotFound
from application.journal import DocumentRow, FileRow
from application.people import Person
from domain.words import Access, CloseReason, Standing
from web.bodies import json_object
from web.context import Context, context_of, person_of
from web.errors import BadRequest
from web.files import page_size


async def listed(request: Request) -> Response:
    """Open documents of files that the asker may see, page by page, in the order of opening."""
    context, person = context_of(request), person_of(request)
    limit = page_size(request)
    user, after = None if person.audits else person.id, request.query_params.get("after", "")
    rows = await context.journal.open_page(user, after=after, limit=limit)
    files = {file.id: file for file in await context.journal.files_with({row.file for row in rows})}
    documents = [
        _described(row, file)
        for row in rows
        if (file := files.get(row.file)) is not None and _may_see(file, person)
    ]
    return JSONResponse({"documents": documents, "next": rows[-1].key if len(rows) == limit else None})


async def shown(request: Request) -> Response:
    row, file = await _visible(request)
    return JSONResponse(_described(row, file))


async def dropped(request: Request) -> Response:
    """POST `{"users": [id, …]}`: their work is saved, and they are shown out; who was there is answered."""
    context, key = context_of(request), request.path_params["key"]
    body = await json_object(request, '{"users": ["…"]}')
    users = body.get("users")
    if not isinstance(users, list) or not all(isinstance(user, str) for user in users):
        raise BadRequest("users is a list of ids, as the document has them.")
    there = await context.usher.send_out(key, users, person_of(request))
    names = await context.journal.names(there)
    return JSONResponse({"users": [{"id": user, "name": names.get(user, "")} for user in there]})


async def _visible(request: Request) -> tuple[DocumentRow, FileRow]:
    context, person = context_of(request), person_of(request)
    row = await context.journal.document(request.path_params["key"])
    file = await _file(context, row)
    if row is None or file is None:
        raise NotFound("There is no such document.")
    if not _may_see(file, person):
        raise Forbidden("The document's file is not shared with you.")
    return row, file


async def _file(context: Context, row: DocumentRow | None) -> FileRow | None:
    return await context.journal.file(row.file) if row else None


def _may_see(file: FileRow, person: Person) -> bool:
    return person.audits or file.file.access(person.id) is not Access.NONE


def _described(row: DocumentRow, file: FileRow) -> dict[str, Any]:
    return {
        "key": row.key,
        "file_id": row.file,
        "name": file.file.name,
        "state": row.state,
        "standing": row.standing,
        "users": [{"id": id_, "name": name} for id_, name in row.users.items()],
        "base": row.base,
        "opened": row.opened_at.isoformat(),
        "closed": row.closed_at.isoformat() if row.closed_at else None,
        "closed_reason": row.closed_reason,
        "saved_version": row.saved_version,
        "saved": row.saved_at.isoformat() if row.saved_at else None,
        "trouble": row.trouble,
        "outdated": row.closed_at is not None and row.closed_reason != CloseReason.UNCHANGED,
        "conflict": row.closed_at is None and _goes_its_own_way(row, file),
    }


def _goes_its_own_way(row: DocumentRow, file: FileRow) -> bool:
    """Whether what is typed there is kept beside the file's head, which others have moved."""
    return row.standing is Standing.DETACHED or row.head != file.file.head
