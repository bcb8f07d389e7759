"""The routes, and the lifespan that owns the nursery in which all documents live."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TypedDict

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from web import (
    audit,
    audit_page,
    callbacks,
    creating,
    doctor,
    document_page,
    documents,
    editor,
    exporting,
    file_page,
    files,
    health,
    history,
    links,
    live,
    operating,
    pages,
    replaying,
    sharing,
    signing_in,
    submissions,
)
from web.context import Context
from web.errors import HANDLERS
from web.gate import Gate
from web.openapi import document as description
from web.unread import Unread

Answer = Callable[[Request], Awaitable[Response]]


class _Endpoint:
    """A function of requests. Starlette's own wrapper would look for the errors that are looked for around
    all routes anyway.
    """

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive, send))
        await response(scope, receive, send)


def _route(path: str, answer: Answer, methods: Collection[str] = ("GET",)) -> Route:
    return Route(path, _Endpoint(answer), methods=methods)


ROUTES = [
    _route("/api/onlyoffice/callback", callbacks.callback, methods=["POST"]),
    _route("/api/onlyoffice/config/{id}", editor.config),
    _route("/api/onlyoffice/viewer/{id}", editor.viewer),
    _route("/api/onlyoffice/save-as", creating.saved_as, methods=["POST"]),
    _route("/api/onlyoffice/file/{id}", links.served),
    _route("/api/onlyoffice/file/{id}/changes", links.changes),
    _route("/api/files", files.listed),
    _route("/api/files", creating.added, methods=["POST"]),
    _route("/api/files/{id}", files.shown),
    _route("/api/files/{id}", files.changed, methods=["PATCH"]),
    _route("/api/files/{id}", files.removed, methods=["DELETE"]),
    _route("/api/files/{id}/restore", files.reinstated, methods=["POST"]),
    _route("/api/files/{id}/convert", creating.converted, methods=["POST"]),
    _route("/api/files/{id}/submissions", submissions.listed),
    _route("/api/files/{id}/submissions/{number}/content", submissions.content),
    _route("/api/files/{id}/submissions/{number}/data", submissions.data),
    _route("/api/files/{id}/content", files.content),
    _route("/api/files/{id}/content", files.replaced, methods=["PUT"]),
    _route("/api/files/{id}/versions", files.versions),
    _route("/api/files/{id}/versions/{number}/content", files.version_content),
    _route("/api/files/{id}/versions/{number}/restore", files.restored, methods=["POST"]),
    _route("/api/files/{id}/history", history.listed),
    _route("/api/files/{id}/history/{number}", history.shown),
    _route("/api/files/{id}/events", audit.file_events),
    _route("/api/files/{id}/events/export", exporting.file_events),
    _route("/api/audit", audit.all_events),
    _route("/api/audit/export", exporting.all_events),
    _route("/api/documents", documents.listed),
    _route("/api/events", live.events),
    _route("/api/status", operating.status),
    _route("/api/drain", operating.drained, methods=["POST"]),
    _route("/api/doctor", doctor.last),
    _route("/api/doctor", doctor.examined, methods=["POST"]),
    _route(doctor.PROBE, doctor.landed, methods=["GET", "POST"]),
    _route("/api/documents/{key}", documents.shown),
    _route("/api/documents/{key}/drop", documents.dropped, methods=["POST"]),
    _route("/api/documents/{key}/events", audit.document_events),
    _route("/api/documents/{key}/events/export", exporting.document_events),
    _route("/api/documents/{key}/state", replaying.state),
    _route("/openapi.json", description.served),
    _route("/", pages.index),
    _route("/files/{id}", file_page.shown),
    _route("/files/{id}/shares", sharing.shared, methods=["POST"]),
    _route("/files/{id}/convert", creating.convert_and_open, methods=["POST"]),
    _route("/new", creating.page),
    _route("/new", creating.begun, methods=["POST"]),
    _route("/files/{id}/versions/{number}/restore", file_page.restored, methods=["POST"]),
    _route("/documents/{key}", document_page.shown),
    _route("/documents/{key}/drop", document_page.sent_out, methods=["POST"]),
    _route("/audit", audit_page.shown),
    _route("/doctor", doctor.page),
    _route("/doctor", doctor.run_again, methods=["POST"]),
    _route("/sign-in", signing_in.page),
    _route("/sign-in", signing_in.signed_in, methods=["POST"]),
    _route("/healthz", health.healthz),
    _route("/readyz", health.readyz),
    _route("/metrics", health.metrics),
]

Assemble = Callable[[], AbstractAsyncContextManager[Context]]


class State(TypedDict):
    context: Context


def create_app(assemble: Assemble) -> Starlette:
    """`assemble` puts everything together for as long as the application lives."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[State]:
        async with assemble() as context:
            yield {"context": context}

    app = Starlette(
        routes=ROUTES,
        middleware=[Middleware(Unread), Middleware(Gate)],
        exception_handlers=HANDLERS,
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # a redirect would believe the Host header
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))
    return app
