"""What people have sent in by submitting a form: never the form itself, and for its editors only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from application.files import NotFound
from application.journal import VersionRow
from domain.words import Access, Trigger
from web.context import context_of, person_of
from web.downloads import attachment
from web.files import version_content, version_number


async def listed(request: Request) -> Response:
    """The newest first."""
    context, person = context_of(request), person_of(request)
    row = await context.files.get(request.path_params["id"], person, Access.EDIT)
    every = submissions(await context.journal.versions(row.id))[::-1]
    names = await context.journal.names({user for version in every for user in version.users})
    return JSONResponse({"submissions": [_described(version, names) for version in every]})


async def content(request: Request) -> Response:
    """The form as it was filled in."""
    await _submission(request)
    return await version_content(request)


async def data(request: Request) -> Response:
    """What was filled in, in the JSON of the Document Server."""
    version = await _submission(request)
    if version.forms_sha256 is None:
        raise NotFound("Its data did not come with it; the form as it was filled in is there.")
    told = [chunk async for chunk in context_of(request).blobs.read(version.forms_sha256)]
    headers = {**attachment(f"submission {version.number}.json"), "Content-Type": "application/json"}
    return Response(b"".join(told), headers=headers)


def submissions(versions: Sequence[VersionRow]) -> Sequence[VersionRow]:
    return [version for version in versions if version.trigger is Trigger.FORM]


async def _submission(request: Request) -> VersionRow:
    """Raises NotFound, Forbidden."""
    context, person = context_of(request), person_of(request)
    number = version_number(request)
    version = await context.files.version(request.path_params["id"], number, person, Access.EDIT)
    if version.trigger is not Trigger.FORM:
        raise NotFound(f"Version {number} is not a submission.")
    return version


def _described(version: VersionRow, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "number": version.number,
        "submitted": version.created.isoformat(),
        "by": [{"id": user, "name": names.get(user, "")} for user in version.users],
        "size": version.size,
        "filetype": version.filetype,
        "data": version.forms_sha256 is not None,
    }
