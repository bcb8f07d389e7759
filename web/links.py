"""Signed links: bytes for whoever has one, which is the Document Server."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from application import about
from application.journal import VersionRow
from application.tokens import BadToken, FileClaims
from web.context import FILE_CLAIMS, Context, context_of
from web.downloads import PRIVATE, BlobResponse

OPAQUE = {"Content-Type": "application/octet-stream"}


def link(context: Context, file_id: str, version: int, *, key: str = "", changes: bool = False) -> str:
    """To a version's content, for the session of that key, or to the record of what was changed in it."""
    token = context.tokens.file_token(file_id, version, key=key, changes=changes)
    path = f"/api/onlyoffice/file/{quote(file_id)}{'/changes' if changes else ''}"
    return f"{context.site.storage_url}{path}?token={token}"


async def served(request: Request) -> Response:
    """The contract's file endpoint."""
    version = await _claimed(request, changes=False)
    return BlobResponse(context_of(request).blobs, version.sha256, version.size, OPAQUE)


async def changes(request: Request) -> Response:
    version = await _claimed(request, changes=True)
    if version.changes_sha256 is None:
        raise BadToken("the link is for changes that were not kept")
    archive = [chunk async for chunk in context_of(request).blobs.read(version.changes_sha256)]
    return Response(b"".join(archive), headers={**PRIVATE, **OPAQUE})


async def _claimed(request: Request, *, changes: bool) -> VersionRow:
    """The version that the link is for. Raises BadToken, Unavailable, JournalFailed."""
    context = context_of(request)
    file_id = request.path_params["id"]
    about.note(file=file_id)
    claims: FileClaims | None = request.scope.get(FILE_CLAIMS)
    if claims is None or claims.changes is not changes:
        raise BadToken("the link is not valid")
    if claims.file != file_id:
        raise BadToken("the link is for another file")
    url = f"{context.site.storage_url}{request.url.path}"
    if context.tokens.check_server_bearer(request.headers.get("authorization"), url) is False:
        raise BadToken("the Document Server's own token does not fit")
    version = await context.journal.version(file_id, claims.version)
    if version is None:
        raise BadToken("the link is for a version that does not exist")
    if claims.key:
        await context.door.load(claims.key, claims.version)
    return version
