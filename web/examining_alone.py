"""An examination without the running service: for a moment somebody listens on its port."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import cast

import trio
from hypercorn.typing import ASGIFramework
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from application.doctor.checks import Check, fail, warn
from application.doctor.examination import PATIENT
from application.doctor.landing import Landing
from application.doctor.patience import Patience
from infrastructure import standin_process
from infrastructure.settings import Settings
from web.configured import Connection, connection_of, tokens_of
from web.doctor import PROBE, land
from web.examining import examine, landing_of
from web.groups import leaves
from web.server import config_of
from web.serving import listen

NOWHERE = Connection("", "", None, standin=True)  # the stand-in, while no service runs


async def examine_alone(
    settings: Settings, silent: Check | None = None, patience: Patience = PATIENT
) -> Sequence[Check]:
    """Nothing is left behind but what a start would make. `silent`: a service is there and does not help."""
    connection = await _connection(settings)
    tokens = tokens_of(settings, connection)
    landing = landing_of(settings, tokens)
    async with trio.open_nursery() as nursery:
        taken = "" if silent else await nursery.start(_listen, settings, landing)
        checks = await examine(settings, connection, tokens, None if silent or taken else landing, patience)
        nursery.cancel_scope.cancel()
    return [silent or _service(settings, taken), *checks]


def _service(settings: Settings, taken: str) -> Check:
    if taken:
        return fail(
            "service",
            f"It does not run, and cannot: {settings.host}:{settings.port} is not to be had ({taken}).",
            "End whoever listens there, or set HOST and PORT.",
        )
    return warn(
        "service",
        "It does not run; all this was looked at without it.",
        "Start it (docledger serve), and run this again beside it.",
    )


async def _connection(settings: Settings) -> Connection:
    if not settings.uses_standin:
        return connection_of(settings)
    standin = await standin_process.find(settings.data_dir)  # it outlives a service that was killed
    return Connection(standin.url, standin.url, standin.secret, standin=True) if standin else NOWHERE


async def _listen(
    settings: Settings, landing: Landing, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
    """Only for what is to land here; starts with why that cannot be, if so."""

    async def endpoint(request: Request) -> Response:
        return await land(request, landing)

    probe = Route(PROBE, endpoint, methods=["GET", "POST"])
    app = Starlette(routes=[probe, Route("/{path:path}", _nothing_else)])
    serving = partial(listen, cast(ASGIFramework, app), config_of(settings))
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(serving, shutdown_trigger=trio.sleep_forever))
            task_status.started("")
    except* OSError as trouble:
        first = next(leaves(trouble))
        task_status.started(str(getattr(first, "strerror", None) or first))


async def _nothing_else(_: Request) -> Response:
    return JSONResponse({"message": "Not Found", "code": "not_found"}, 404)
