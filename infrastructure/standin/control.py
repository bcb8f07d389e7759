"""The control endpoint: orders faults, and tells what is going on inside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from .faults import BadFault, read_fault
from .server import Standin
from .tokens import TokenExpired, TokenInvalid, verify


async def control(request: Request) -> JSONResponse:
    standin: Standin = request.app.state.standin
    try:
        claims = verify(json.loads(await request.body())["token"], standin.config.secret)
    except (ValueError, LookupError, TypeError, TokenInvalid, TokenExpired):
        return JSONResponse({"message": "Not signed with the server's secret."}, 403)
    try:
        return JSONResponse(obey(standin, claims))
    except BadFault as problem:
        return JSONResponse({"message": str(problem)}, 400)


def obey(standin: Standin, claims: Mapping[str, Any]) -> dict[str, Any]:
    """Raises BadFault."""
    match claims.get("do"):
        case "fault":
            standin.faults.order(read_fault(claims))
        case "clear":
            standin.faults.clear()
        case "state":
            return _state(standin)
        case "offers":
            return {"offers": standin.offers.entries}
        case "forcesaves":
            return {"forcesaves": standin.forcesaves.entries}
        case other:
            raise BadFault(f"cannot do {other!r}")
    return {"ok": True}


def _state(standin: Standin) -> dict[str, Any]:
    rooms = {
        room.key: {
            "phase": room.phase.name.lower(),
            "users": room.users,
            "unsaved": room.to_save and room.delivered is not True,
        }
        for room in standin.rooms.values()
    }
    return {
        "rooms": rooms,
        "forgotten": list(standin.forgotten),
        "errands": standin.errands,
        "faults": len(standin.faults),
    }
