"""The files API."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from application.files import NotFound
from application.history import Entry
from application.journal import DocumentRow, FileRow
from application.names import checked_name
from application.people import Person
from domain.formats import format_of
from domain.words import Access
from web.bodies import Body, Upload, json_object
from web.context import Context, context_of, person_of
from web.downloads import BlobResponse, attachment
from web.errors import BadRequest
from web.sharing import share_all, shares_of

VERSION_TAG = re.compile(r'(?:W/)?"([0-9]{1,9})"|([0-9]{1,9})')
CONTENT_TAG = re.compile(r'"([0-9a-f]{64})"')
NUMBER = re.compile(r"[0-9]{1,9}")
PAGE, LONGEST_PAGE = 100, 1000


async def listed(request: Request) -> Response:
    context, person = context_of(request), person_of(request)
    limit = page_size(request)
    rows = await context.journal.files(person.id, before=request.query_params.get("before"), limit=limit)
    documents = await _documents(context, rows)
    files = [described(row, person, documents.get(row.live or "")) for row in rows]
    return JSONResponse({"files": files, "next": rows[-1].id if len(rows) == limit else None})


async def added(request: Request) -> Response:
    context, person = context_of(request), person_of(request)
    upload = Upload(request, "file")
    name = await upload.name()
    blob = await context.files.store(upload.chunks())
    row = await context.files.add(name.replace("\\", "/").rpartition("/")[2], blob, person)
    headers = {"Location": f"{context.site.public_url}/api/files/{row.id}"}
    return JSONResponse(described(row, person, None), 201, headers=headers)


async def shown(request: Request) -> Response:
    context, person = context_of(request), person_of(request)
    return await _answer(context, await context.files.get(request.path_params["id"], person), person)


async def changed(request: Request) -> Response:
    """PATCH: `name`, and `shares` as {who: "edit" | … | "view" | null}; `*` is everybody signed in."""
    context, person = context_of(request), person_of(request)
    file_id = request.path_params["id"]
    body = await json_object(request, '{"name": "Plan.docx"}')
    name, shares = _name(body.get("name")), shares_of(body.get("shares", {}))
    row = await context.files.get(file_id, person)
    if name is not None:  # who may share may rename too, so that all is refused or nothing
        await context.renaming.permit(file_id, name, person)
    row = await share_all(context, row, shares, person)
    if name is not None:
        row = await context.renaming.rename(file_id, name, person)
    return await _answer(context, row, person)


async def removed(request: Request) -> Response:
    """DELETE hides a file; its versions stay, and it can be brought back."""
    context, file_id = context_of(request), request.path_params["id"]
    await context.files.remove(file_id, person_of(request))
    await context.usher.mind(file_id)
    return Response(status_code=204)


async def reinstated(request: Request) -> Response:
    context, person = context_of(request), person_of(request)
    return await _answer(context, await context.files.reinstate(request.path_params["id"], person), person)


async def content(request: Request) -> Response:
    context, person = context_of(request), person_of(request)
    row = await context.files.get(request.path_params["id"], person)
    return BlobResponse(context.blobs, row.file.sha256, row.file.size, attachment(row.file.name))


async def replaced(request: Request) -> Response:
    """PUT the whole content; `If-Match` names the version that it was made from."""
    context, person = context_of(request), person_of(request)
    file_id = request.path_params["id"]
    expected = _expected(request)
    await context.files.get(file_id, person, Access.EDIT)
    blob = await context.files.store(Body(request))
    row = await context.replacing.put(file_id, blob, person, expected=expected)
    return await _answer(context, row, person)


async def versions(request: Request) -> Response:
    context, person = context_of(request), person_of(request)
    _, entries = await context.history.of(request.path_params["id"], person)
    return JSONResponse({"versions": [_version(entry) for entry in entries]})


async def version_content(request: Request) -> Response:
    context, person = context_of(request), person_of(request)
    file_id = request.path_params["id"]
    row = await context.files.get(file_id, person)
    version = await context.files.version(file_id, version_number(request), person)
    stem, dot, _ = row.file.name.rpartition(".")
    name = f"{stem or row.file.name} (version {version.number}){dot and '.'}{version.filetype if dot else ''}"
    return BlobResponse(context.blobs, version.sha256, version.size, attachment(name))


async def restored(request: Request) -> Response:
    context, person = context_of(request), person_of(request)
    row = await context.replacing.restore(request.path_params["id"], version_number(request), person)
    return await _answer(context, row, person)


def described(row: FileRow, person: Person, document: DocumentRow | None) -> dict[str, Any]:
    file, format_ = row.file, format_of(row.file.name)
    return {
        "id": row.id,
        "name": file.name,
        "size": file.size,
        "version": file.head,
        "state": document.state if document else "closed",
        "type": format_.document_type if format_ else None,
        "access": file.access(person.id),
        "owner": {"id": file.owner, "name": file.owner_name},
        "shares": [
            {"user": user, "name": share.name, "access": share.access} for user, share in file.shares.items()
        ],
        "sha256": file.sha256,
        "added": row.added_at.isoformat(),
        "changed": file.changed_at.isoformat() if file.changed_at else None,
        "key": row.live,
        "users": [{"id": id_, "name": name} for id_, name in document.users.items()] if document else [],
        "trouble": document.trouble if document else None,
    }


async def _answer(context: Context, row: FileRow, person: Person) -> Response:
    documents = await _documents(context, [row])
    body = described(row, person, documents.get(row.live or ""))
    return JSONResponse(body, headers={"ETag": f'"{row.file.head}"'})


async def _documents(context: Context, rows: Sequence[FileRow]) -> Mapping[str, DocumentRow]:
    keys = [row.live for row in rows if row.live]
    return {document.key: document for document in await context.journal.documents(keys)} if keys else {}


def _version(entry: Entry) -> dict[str, Any]:
    row = entry.row
    return {
        "number": row.number,
        "sha256": row.sha256,
        "size": row.size,
        "trigger": row.trigger,
        "created": row.created.isoformat(),
        "head": row.head,
        "users": list(row.users),
        "author": {"id": entry.author.id, "name": entry.author.name},
        "key": row.key,
        "filetype": row.filetype,
        "restored": row.restored,
        "changes": row.changes_sha256 is not None,
        "converted_from": row.converted_from,
        "from_file": row.from_file,
        "from_version": row.from_version,
    }


def _expected(request: Request) -> int | str | None:
    """What If-Match names: a version's number, or the tag that its bytes were served with."""
    tag = request.headers.get("if-match", "*").strip()
    if tag == "*":
        return None
    if match := CONTENT_TAG.fullmatch(tag):
        return match[1]
    match = VERSION_TAG.fullmatch(tag)
    if not match:
        raise BadRequest('If-Match names the version that you changed, such as "7", or *.')
    return int(match[1] or match[2])


def version_number(request: Request) -> int:
    number: str = request.path_params["number"]
    if not NUMBER.fullmatch(number):
        raise NotFound("The file has no such version.")
    return int(number)


def page_size(request: Request) -> int:
    """The `limit` of a list. Raises BadRequest."""
    text = request.query_params.get("limit", str(PAGE))
    if not NUMBER.fullmatch(text) or not 1 <= int(text) <= LONGEST_PAGE:
        raise BadRequest(f"limit is a number from 1 to {LONGEST_PAGE}.")
    return int(text)


def _name(value: object) -> str | None:
    if not isinstance(value, str | None):
        raise BadRequest("name is a text.")
    return None if value is None else checked_name(value)
