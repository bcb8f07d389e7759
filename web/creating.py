"""New files beside uploads: begun blank, converted for editing, and copied out of an editor."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from application.journal import FileRow
from application.result_links import may_be_a_result
from web.bodies import form_of, json_object
from web.context import Context, context_of, person_of
from web.errors import BadRequest
from web.files import added as uploaded
from web.files import described
from web.kinds import TYPES
from web.links import link
from web.pages import query_of, render

UNTITLED = "New document"
NAMED = '{"name": "Plan.docx"}'
COPIED = '{"file": …, "url": …, "title": …, "filetype": …}'


async def added(request: Request) -> Response:
    """POST: an upload as multipart/form-data, or a new document as {"name": "Plan.docx"}."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        return await uploaded(request)
    context, person = context_of(request), person_of(request)
    name = (await json_object(request, NAMED)).get("name")
    if not isinstance(name, str):
        raise BadRequest('name is a text, such as "Plan.docx".')
    return _created(request, await context.copies.begin(name, person))


async def converted(request: Request) -> Response:
    """POST, optionally with {"to": "docx"}: a new file of a type that can be edited."""
    context, person = context_of(request), person_of(request)
    to = (await json_object(request, '{"to": "docx"}', otherwise={})).get("to")
    if not isinstance(to, str | None):
        raise BadRequest('to is a type, such as "docx".')
    row = await context.copies.convert(request.path_params["id"], person, to, _linked(context))
    return _created(request, row)


async def saved_as(request: Request) -> Response:
    """POST, what the editor's onRequestSaveAs brings and the id of the file that it shows."""
    context, person = context_of(request), person_of(request)
    body = await json_object(request, COPIED)
    given = [body.get(name) for name in ("file", "url", "title", "filetype")]
    match given:
        case [str(file_id), str(url), str(title), str(filetype)]:
            if not may_be_a_result(url):
                raise BadRequest(
                    "url is that of a result of the Document Server, as onRequestSaveAs brings it."
                )
            row = await context.copies.save_as(file_id, person, url, title, filetype.lower())
            return _created(request, row)
    raise BadRequest(f"Send {COPIED}, each a text.")


async def convert_and_open(request: Request) -> Response:
    """For the forms that offer it."""
    context, person = context_of(request), person_of(request)
    row = await context.copies.convert(request.path_params["id"], person, None, _linked(context))
    return _opened(request, row)


async def page(request: Request) -> Response:
    """Where the editor's "Create new" leads; nothing is made before the form is sent."""
    asked = request.query_params.get("type")
    values = {
        "person": person_of(request),
        "site": context_of(request).site,
        "types": TYPES,
        "asked": asked if asked in TYPES else "docx",
    }
    return render(request, "new.html", values)


async def begun(request: Request) -> Response:
    """The form of that page and of the list."""
    context, person = context_of(request), person_of(request)
    form = await form_of(request)
    name, type_ = (form.get(field, "").strip() for field in ("name", "type"))
    if type_ not in TYPES:
        raise BadRequest("Choose what kind of document it is to be.")
    name = name or UNTITLED
    if not name.lower().endswith(f".{type_}"):
        name = f"{name}.{type_}"
    return _opened(request, await context.copies.begin(name, person))


def _linked(context: Context) -> Callable[[FileRow], str]:
    """Where the Document Server finds what it is to convert."""
    return lambda row: link(context, row.id, row.file.head)


def _created(request: Request, row: FileRow) -> Response:
    context, person = context_of(request), person_of(request)
    headers = {"Location": f"{context.site.public_url}/api/files/{row.id}"}
    return JSONResponse(described(row, person, None), 201, headers=headers)


def _opened(request: Request, row: FileRow) -> Response:
    return RedirectResponse(f"/api/onlyoffice/viewer/{row.id}{query_of(request)}", 303)
