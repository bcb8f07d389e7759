"""The command service: always HTTP 200, what went wrong is a number in `error`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from . import callbacks, saving
from .addresses import base_url
from .config import VERSION
from .room import Delivery, Room, Trigger
from .server import Standin
from .tokens import TokenExpired, TokenInvalid, bearer, verify

OK, UNKNOWN_KEY, NO_CALLBACK, FAILED = range(4)
NOTHING_TO_SAVE, UNKNOWN_COMMAND, TOKEN_INVALID, TOKEN_EXPIRED = range(4, 8)

Answer = dict[str, Any]


async def command_service(request: Request) -> JSONResponse:
    standin: Standin = request.app.state.standin
    try:
        params = await read_command(request)
    except TokenExpired:
        return JSONResponse(_answer((await _plain(request)).get("key"), TOKEN_EXPIRED))
    except TokenInvalid:
        return JSONResponse(_answer((await _plain(request)).get("key"), TOKEN_INVALID))
    return JSONResponse(await execute(standin, params, base_url(request)))


async def read_command(request: Request) -> Mapping[str, Any]:
    """Raises TokenInvalid, TokenExpired."""
    plain = await _plain(request)
    secret = request.app.state.standin.config.signing_secret
    return plain if secret is None else read_params(plain, request.headers.get("authorization"), secret)


async def _plain(request: Request) -> dict[str, Any]:
    plain: Any = dict(request.query_params) if request.method == "GET" else _json(await request.body())
    return plain if isinstance(plain, dict) else {}


def read_params(plain: Mapping[str, Any], authorization: str | None, secret: str) -> Mapping[str, Any]:
    """The claims of the token in the body, or else in the header. Raises TokenInvalid, TokenExpired."""
    if "token" in plain:
        return verify(plain["token"], secret)
    claims = verify(bearer(authorization), secret)
    payload = claims.get("payload")
    return payload if isinstance(payload, dict) else claims


async def execute(standin: Standin, params: Mapping[str, Any], base: str) -> Answer:
    match params.get("c"):
        case "version":
            return {"error": OK, "version": VERSION}
        case "license":
            return {"error": OK, **LICENSE}
        case "getForgottenList":
            return {"error": OK, "keys": list(standin.forgotten)}
    key = params.get("key")
    if not isinstance(key, str) or not key:
        return _answer(key, UNKNOWN_KEY)
    match params.get("c"):
        case "info":
            return await _info(standin, key, params)
        case "forcesave":
            return _answer(key, await _forcesave(standin, key, params, base))
        case "drop":
            return _answer(key, _drop(standin, key, params))
        case "meta":
            return _answer(key, _meta(standin, key, params))
        case "getForgotten":
            return _get_forgotten(standin, key, base)
        case "deleteForgotten":
            return _answer(key, OK if standin.forgotten.drop(key) else UNKNOWN_KEY)
    return _answer(key, UNKNOWN_COMMAND)


async def _info(standin: Standin, key: str, params: Mapping[str, Any]) -> Answer:
    room = standin.rooms.get(key)
    if room is None:
        return await _info_of_conversion(standin, key, params)
    url = params.get("callback") or room.latest_callback
    if not url:
        return _answer(key, NO_CALLBACK)
    tell = callbacks.editing if room.editors or room.to_save else callbacks.unchanged
    await standin.notify(room, str(url), tell(room, userdata=params.get("userdata")))
    return {**_answer(key, OK), "users": room.users}


async def _info_of_conversion(standin: Standin, key: str, params: Mapping[str, Any]) -> Answer:
    """To the server a conversion is a document too, though nobody ever opens it."""
    if key not in standin.conversions:
        return _answer(key, UNKNOWN_KEY)
    if not (url := params.get("callback")):
        return _answer(key, NO_CALLBACK)
    await standin.outbox.post(str(url), {"key": key, "status": 4})
    return {**_answer(key, OK), "users": []}


async def _forcesave(standin: Standin, key: str, params: Mapping[str, Any], base: str) -> int:
    room = standin.rooms.get(key)
    if room is None:
        return UNKNOWN_KEY
    if room.change and room.change == room.unassembled:
        return FAILED
    if room.forcesave_due():
        userdata = params.get("userdata")
        forcesave = room.start_forcesave(
            Trigger.COMMAND, userdata=None if userdata is None else str(userdata)
        )
        standin.start(saving.deliver, standin, room, forcesave, base)
        return OK
    if refused := room.refused_forcesave():
        refused.delivery = Delivery.OFFERING  # at once, so that a second command does not do the same
        await saving.deliver(standin, room, refused, base, repeated=True)
        return OK
    return NOTHING_TO_SAVE


def _drop(standin: Standin, key: str, params: Mapping[str, Any]) -> int:
    users = [params["userid"]] if "userid" in params else params.get("users")
    if not isinstance(users, list):
        return UNKNOWN_COMMAND
    if room := standin.rooms.get(key):
        for session in [session for session in room.sessions.values() if session.user_id in users]:
            standin.tell(session, {"type": "dropped"})
            standin.part(room, session, room.stop_editing(session), 0)
    return OK


def _meta(standin: Standin, key: str, params: Mapping[str, Any]) -> int:
    meta = params.get("meta")
    if not isinstance(meta, dict):
        return UNKNOWN_COMMAND
    room: Room | None = standin.rooms.get(key)
    if room:
        standin.broadcast(room, {"type": "meta", "title": str(meta.get("title", ""))})
    return OK


def _get_forgotten(standin: Standin, key: str, base: str) -> Answer:
    kept = standin.forgotten.get(key)
    if kept is None:
        return _answer(key, UNKNOWN_KEY)
    directory, name = f"forgotten/{key}", f"output.{kept.facts['filetype']}"
    standin.results.keep(directory, name, kept.content, standin.now())
    return {**_answer(key, OK), "url": standin.results.link(base, directory, name, standin.now())}


def _answer(key: object, error: int) -> Answer:
    return {"error": error} if key is None else {"key": key, "error": error}


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        return None


LICENSE: Answer = {
    "license": {
        "start_date": "2026-01-01T00:00:00.000Z",
        "end_date": None,
        "trial": False,
        "developer": False,
        "connections": 20,
        "connections_view": 20,
        "users_count": 0,
        "users_view_count": 0,
    },
    "server": {
        "resultType": 3,
        "packageType": 0,
        "buildVersion": VERSION.rpartition(".")[0],
        "buildNumber": 140,
    },
    "quota": {"users": [], "users_view": []},
}
