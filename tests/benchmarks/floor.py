"""The floor: what a bare Starlette hello costs on stock Hypercorn's Trio worker. Nothing of ours.

    python -m tests.benchmarks.floor PORT [FOLDER]

With a folder it also serves the files there, as Starlette does by itself.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import cast

import trio
from hypercorn.config import Config
from hypercorn.trio import serve
from hypercorn.typing import ASGIFramework
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route


async def hello(_: Request) -> Response:
    return JSONResponse({"hello": "world"})


async def file(request: Request) -> Response:
    return FileResponse(request.app.state.folder / request.path_params["name"])


def main(port: int, folder: Path | None = None) -> None:
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    app = Starlette(routes=[Route("/", hello), *([Route("/{name}", file)] if folder else [])])
    app.state.folder = folder
    trio.run(partial(serve, cast(ASGIFramework, app), config))


if __name__ == "__main__":
    main(int(sys.argv[1]), *map(Path, sys.argv[2:]))
