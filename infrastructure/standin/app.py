"""The stand-in's routes: the API script, the editor page and its socket, commands, conversions, results."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute

from .commands import command_service
from .control import control
from .converter import converter
from .downloads import download
from .history import old_version
from .server import Standin
from .sessions import converse
from .spoiling import spoilt_command, spoilt_download

STATIC = Path(__file__).parent / "static"
FILES = {
    "documents/api.js": ("api.js", "text/javascript"),
    "standin/editor.html": ("editor.html", "text/html"),
    "standin/editor.css": ("editor.css", "text/css"),
    "standin/editor.js": ("editor.js", "text/javascript"),
    "standin/header.js": ("header.js", "text/javascript"),
    "standin/history.js": ("history.js", "text/javascript"),
    "standin/merging.js": ("merging.js", "text/javascript"),
}
# Integrators embed the editor from their own origin: no frame-ancestors, no X-Frame-Options.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)


async def healthcheck(_request: Request) -> Response:
    return PlainTextResponse("true")


async def static_file(request: Request) -> Response:
    known = FILES.get(request.path_params["name"])
    if known is None:
        return PlainTextResponse("Not Found", 404)
    headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    if known[1] == "text/html":
        headers["Content-Security-Policy"] = POLICY
    return FileResponse(STATIC / known[0], media_type=known[1], headers=headers)


def create_app(standin: Standin) -> Starlette:
    controlled = standin.config.control
    command = spoilt_command if controlled else command_service
    app = Starlette(
        routes=[
            Route("/healthcheck", healthcheck),
            Route("/web-apps/apps/api/{name:path}", static_file),
            Route("/command", command, methods=["POST"]),
            Route("/coauthoring/CommandService.ashx", command, methods=["GET", "POST"]),
            Route("/converter", converter, methods=["POST"]),
            Route("/ConvertService.ashx", converter, methods=["GET", "POST"]),
            Route(
                "/cache/files/{path:path}",
                spoilt_download if controlled else download,
                methods=["GET", "HEAD"],
            ),
            Route("/standin/history", old_version, methods=["POST"]),
            WebSocketRoute("/standin/socket", converse),
            *([Route("/standin/control", control, methods=["POST"])] if controlled else []),
        ]
    )
    app.state.standin = standin
    return app
