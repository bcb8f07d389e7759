"""Signing in a browser with a token that somebody with AUTH_SECRET made, such as `docledger token`."""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from web.bodies import SMALL, whole
from web.context import COOKIE, OUR_COOKIE, context_of
from web.errors import BadRequest
from web.pages import render


async def page(request: Request) -> Response:
    """The token comes in the url's fragment, which is in no log, or is pasted."""
    return render(request, "sign_in.html", {})


async def signed_in(request: Request) -> Response:
    """Raises BadToken when the token is not ours."""
    context = context_of(request)
    form = parse_qs((await whole(request, SMALL)).decode("ascii", "replace"))
    token = form.get("token", [""])[0].strip().rpartition("#token=")[2]
    if not token or context.site.demo:
        raise BadRequest("Paste the link that `docledger token NAME` printed.")
    context.tokens.read_user(token)
    response = RedirectResponse("/", 303)
    name = OUR_COOKIE if context.site.https else COOKIE
    response.set_cookie(name, token, httponly=True, samesite="lax", secure=context.site.https)
    return response
