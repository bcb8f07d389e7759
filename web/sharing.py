"""Who may do what with a file: shares as JSON has them, and as the forms of the file's page."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from application.journal import FileRow
from application.people import Person
from domain.file import EVERYBODY
from domain.keys import user_id
from domain.words import Access
from web.bodies import form_of
from web.context import Context, context_of, person_of
from web.errors import BadRequest
from web.pages import query_of

LEVELS = [access for access in Access if access is not Access.NONE]  # the most first
LONGEST = 200  # letters of a `sub` that somebody types


def shares_of(value: object) -> Mapping[str, Access]:
    """Of a JSON body: whoever is meant, and what they may do. Raises BadRequest."""
    if not isinstance(value, dict) or not all(isinstance(who, str) and who for who in value):
        raise BadRequest('shares is an object, such as {"bob": "edit", "*": "comment", "carol": null}.')
    return {who: _level(access) for who, access in value.items()}


def _level(word: object) -> Access:
    if word is None:
        return Access.NONE
    if not isinstance(word, str) or word not in LEVELS:
        raise BadRequest("A share is edit, review, comment, fill or view, or null to take it back.")
    return Access(word)


async def shared(request: Request) -> Response:
    """For the forms of the file's page."""
    context, person, file_id = context_of(request), person_of(request), request.path_params["id"]
    form = await form_of(request)
    who = form.get("who", "").strip()
    if not 0 < len(who) <= LONGEST:
        raise BadRequest("Say whom to share it with: the name that they sign in with.")
    access = Access.NONE if form.get("access") == Access.NONE else _level(form.get("access", ""))
    await share_all(context, await context.files.get(file_id, person), {who: access}, person)
    return RedirectResponse(f"/files/{file_id}{query_of(request)}#sharing", 303)


async def share_all(context: Context, row: FileRow, shares: Mapping[str, Access], person: Person) -> FileRow:
    """Raises Forbidden."""
    for who, access in shares.items():
        user, name = await _known(context, who, row)
        row = await context.files.share(row.id, user, name, access, person)
    if shares:
        await context.usher.mind(row.id)
    return row


async def _known(context: Context, who: str, row: FileRow) -> tuple[str, str]:
    """Whom it is shared with already, by our id, or a `sub`; and the name that people know them by."""
    if who == EVERYBODY:
        return EVERYBODY, "everybody"
    if who in row.file.shares:
        return who, row.file.shares[who].name
    user = user_id(who)
    return user, (await context.journal.names([user])).get(user) or who
