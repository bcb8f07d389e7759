"""The floor: what a bare Starlette hello costs on stock Hypercorn's Trio worker. Nothing of ours."""

from __future__ import annotations

import sys
from functools import partial
from typing import cast

import trio
from hypercorn.config import Config
from hypercorn.trio import serve
from hypercorn.typing import ASGIFramework
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


async def hello(_: Request) -> Response:
    return JSONResponse({"hello": "world"})


def main(port: int) -> None:
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    app = Starlette(routes=[Route("/", hello)])
    trio.run(partial(serve, cast(ASGIFramework, app), config))


if __name__ == "__main__":
    main(int(sys.argv[1]))
