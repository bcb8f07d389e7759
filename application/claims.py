"""What the Document Server says, in a callback or of a forgotten file, made a command.

Fields and statuses: ONLYOFFICE's callback handler, as a server 9.3 sends it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from math import isfinite
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from application.ports import Answer
from domain.commands import CloseUnchanged, Command, NotePresence, NoteServerFailure, TakeOffer
from domain.formats import FORMATS
from domain.words import Trigger

TOLD = frozenset(  # what is read of a callback
    {
        "changesurl",
        "filetype",
        "forcesavetype",
        "formsdataurl",
        "history",
        "key",
        "lastsave",
        "notmodified",
        "status",
        "url",
        "users",
    }
)
FINAL, FAILED, FORCESAVE_FAILED = 2, 3, 7
TRIGGERS = {0: Trigger.COMMAND, 1: Trigger.BUTTON, 2: Trigger.TIMER, 3: Trigger.FORM}


class BadCallback(Exception):
    """The claims are genuine but not what the protocol says; the text says which."""


def storable(value: Any) -> Any:
    """The same without what JSON can carry and nobody can keep: half a surrogate pair, NUL, NaN."""
    if type(value) is str and value.isascii() and "\0" not in value:  # nearly always
        return value
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")
        case float():
            return value if isfinite(value) else None
        case list():
            return [storable(item) for item in value]
        case Mapping():
            return {storable(name): storable(item) for name, item in value.items()}
    return value


def command_of(claims: Mapping[str, Any], now: datetime, *, keep_failed: bool) -> Command | None:
    """None for a status without meaning to us. Raises BadCallback.

    `keep_failed`: on a status 3 the server is told to keep its change log.
    """
    status, url = int(claims["status"]), claims.get("url")
    match status:
        case 1:
            return NotePresence(at=now, users=_users(claims))
        case 4:
            return CloseUnchanged(at=now)
        case 2 | 3 | 6 | 7 if isinstance(url, str) and url:
            return _offer(status, url, claims, now, keep=status == FAILED and keep_failed)
        case 3 | 7:
            return NoteServerFailure(at=now, status=status, lastsave=_time(claims), keep=keep_failed)
        case 2 | 6:
            raise BadCallback(f"a callback of status {status} has no url")
        case 0 | 5:  # never sent; mail merge
            return None
    raise BadCallback(f"a callback has the unknown status {status}")


def _offer(status: int, url: str, claims: Mapping[str, Any], now: datetime, *, keep: bool) -> TakeOffer:
    try:
        extension = extension_of(url)
    except ValueError as malformed:
        raise BadCallback(f"a callback of status {status} has a malformed url") from malformed
    if status in (FAILED, FORCESAVE_FAILED):
        trigger = Trigger.FAILED
    elif status == FINAL:
        trigger = Trigger.FINAL
    else:
        trigger = TRIGGERS.get(_number(claims.get("forcesavetype")), Trigger.COMMAND)
    filetype, changes = claims.get("filetype"), claims.get("changesurl")
    return TakeOffer(
        at=now,
        url=url,
        status=status,
        trigger=trigger,
        filetype=filetype.lower() if isinstance(filetype, str) else extension,
        users=_users(claims),
        changes_url=changes if isinstance(changes, str) else None,
        history=claims.get("history") or None,
        lastsave=_time(claims),
        notmodified=claims.get("notmodified") is True,
        keep=keep,
        forms_data_url=forms if isinstance(forms := claims.get("formsdataurl"), str) else None,
    )


def extension_of(url: str) -> str:
    """A result's type, for a server that does not say; empty if it has none. Raises ValueError."""
    extension = PurePosixPath(urlsplit(url).path).suffix[1:].lower()
    return extension if extension in FORMATS else ""


def _users(claims: Mapping[str, Any]) -> tuple[str, ...]:
    users = claims.get("users")
    return tuple(str(user) for user in users) if isinstance(users, list) else ()


def _number(value: object) -> int:
    return value if isinstance(value, int) else -1


def _time(claims: Mapping[str, Any]) -> datetime | None:
    """`lastsave`, as the server's clock has it: ISO 8601 with a Z."""
    text = claims.get("lastsave")
    try:
        time = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time and time.tzinfo is None else time


def forgotten_offer(answer: Answer, now: datetime) -> TakeOffer | None:
    """What `getForgotten` offers; None when there is no such file."""
    url = answer.body.get("url")
    if answer.error or not isinstance(url, str):
        return None
    try:
        filetype = extension_of(url)
    except ValueError:
        return None
    return TakeOffer(at=now, url=url, status=FINAL, trigger=Trigger.RECOVERED, filetype=filetype)
