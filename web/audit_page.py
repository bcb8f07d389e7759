"""The whole log, for auditors."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from web.asked import Place, filters, place
from web.audit import reader_of
from web.context import context_of, person_of
from web.pages import render
from web.timeline import exports, filters_of, lines_of, live, pager


async def shown(request: Request) -> Response:
    context, person = context_of(request), person_of(request)
    view = await context.audit.everything(reader_of(request))
    position = await context.journal.position()
    wanted = place(request.query_params)
    query = await filters(request.query_params, view, context.audit)
    page = await context.audit.page(view, query, before=wanted.before, after=wanted.after, limit=wanted.limit)
    lines = lines_of(page.entries, person)
    values = {
        "person": person,
        "site": context.site,
        "lines": lines if wanted.after is None else lines[::-1],
        "filters": filters_of(request, query),
        "exports": exports(request, "/api/audit"),
        "live": live(request, position) if wanted == Place(limit=wanted.limit) else None,
        "pager": pager(request, page, wanted),
    }
    return render(request, "audit.html", values)
