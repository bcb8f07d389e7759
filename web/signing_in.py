"""Signing in a browser with a token that somebody with AUTH_SECRET made, such as `docledger token`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from web.bodies import form_of
from web.context import COOKIE, OUR_COOKIE, context_of
from web.errors import BadRequest
from web.pages import render


async def page(request: Request) -> Response:
    """The token comes in the url's fragment, which is in no log, or is pasted."""
    return render(request, "sign_in.html", {})


async def signed_in(request: Request) -> Response:
    """Raises BadToken when the token is not ours."""
    context = context_of(request)
    token = (await form_of(request)).get("token", "").strip().rpartition("#token=")[2]
    if not token or context.site.demo:
        raise BadRequest("Paste the link that `docledger token NAME` printed.")
    context.tokens.read_user(token)
    response = RedirectResponse("/", 303)
    name = OUR_COOKIE if context.site.https else COOKIE
    response.set_cookie(name, token, httponly=True, samesite="lax", secure=context.site.https)
    return response
