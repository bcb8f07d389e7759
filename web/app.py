"""The routes, and the lifespan that owns the nursery in which all documents live."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TypedDict

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

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

ROUTES = [
    Route("/api/onlyoffice/callback", callbacks.callback, methods=["POST"]),
    Route("/api/onlyoffice/config/{id}", editor.config),
    Route("/api/onlyoffice/viewer/{id}", editor.viewer),
    Route("/api/onlyoffice/save-as", creating.saved_as, methods=["POST"]),
    Route("/api/onlyoffice/file/{id}", links.served),
    Route("/api/onlyoffice/file/{id}/changes", links.changes),
    Route("/api/files", files.listed),
    Route("/api/files", creating.added, methods=["POST"]),
    Route("/api/files/{id}", files.shown),
    Route("/api/files/{id}", files.changed, methods=["PATCH"]),
    Route("/api/files/{id}", files.removed, methods=["DELETE"]),
    Route("/api/files/{id}/restore", files.reinstated, methods=["POST"]),
    Route("/api/files/{id}/convert", creating.converted, methods=["POST"]),
    Route("/api/files/{id}/submissions", submissions.listed),
    Route("/api/files/{id}/submissions/{number}/content", submissions.content),
    Route("/api/files/{id}/submissions/{number}/data", submissions.data),
    Route("/api/files/{id}/content", files.content),
    Route("/api/files/{id}/content", files.replaced, methods=["PUT"]),
    Route("/api/files/{id}/versions", files.versions),
    Route("/api/files/{id}/versions/{number}/content", files.version_content),
    Route("/api/files/{id}/versions/{number}/restore", files.restored, methods=["POST"]),
    Route("/api/files/{id}/history", history.listed),
    Route("/api/files/{id}/history/{number}", history.shown),
    Route("/api/files/{id}/events", audit.file_events),
    Route("/api/files/{id}/events/export", exporting.file_events),
    Route("/api/audit", audit.all_events),
    Route("/api/audit/export", exporting.all_events),
    Route("/api/documents", documents.listed),
    Route("/api/events", live.events),
    Route("/api/status", operating.status),
    Route("/api/drain", operating.drained, methods=["POST"]),
    Route("/api/doctor", doctor.last),
    Route("/api/doctor", doctor.examined, methods=["POST"]),
    Route(doctor.PROBE, doctor.landed, methods=["GET", "POST"]),
    Route("/api/documents/{key}", documents.shown),
    Route("/api/documents/{key}/drop", documents.dropped, methods=["POST"]),
    Route("/api/documents/{key}/events", audit.document_events),
    Route("/api/documents/{key}/events/export", exporting.document_events),
    Route("/api/documents/{key}/state", replaying.state),
    Route("/openapi.json", description.served),
    Route("/", pages.index),
    Route("/files/{id}", file_page.shown),
    Route("/files/{id}/shares", sharing.shared, methods=["POST"]),
    Route("/files/{id}/convert", creating.convert_and_open, methods=["POST"]),
    Route("/new", creating.page),
    Route("/new", creating.begun, methods=["POST"]),
    Route("/files/{id}/versions/{number}/restore", file_page.restored, methods=["POST"]),
    Route("/documents/{key}", document_page.shown),
    Route("/documents/{key}/drop", document_page.sent_out, methods=["POST"]),
    Route("/audit", audit_page.shown),
    Route("/doctor", doctor.page),
    Route("/doctor", doctor.run_again, methods=["POST"]),
    Route("/sign-in", signing_in.page),
    Route("/sign-in", signing_in.signed_in, methods=["POST"]),
    Route("/healthz", health.healthz),
    Route("/readyz", health.readyz),
    Route("/metrics", health.metrics),
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
