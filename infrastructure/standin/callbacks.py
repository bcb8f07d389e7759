"""The bodies of the callbacks, field by field as the real server sends them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from .changes import Final, Run
from .config import VERSION
from .room import Delivery, Forcesave, Room, Trigger
from .tokens import sign

HEADER_LIMIT = 7168  # characters of the header token from which on it is cut
CUT_STATUSES = frozenset({2, 3, 6, 7})
LEFT, JOINED, PRESSED = 0, 1, 2

Fields = dict[str, Any]


def action(kind: int, user_id: str) -> list[Fields]:
    return [{"type": kind, "userid": user_id}]


def editing(room: Room, actions: list[Fields] | None = None, userdata: object = None) -> Fields:
    return _without_none(
        {"key": room.key, "status": 1, "users": room.users, "actions": actions, "userdata": userdata}
    )


def unchanged(room: Room, actions: list[Fields] | None = None, userdata: object = None) -> Fields:
    return _without_none({"key": room.key, "status": 4, "actions": actions, "userdata": userdata})


def forcesaved(room: Room, forcesave: Forcesave, links: Fields, *, repeated: bool) -> Fields:
    """Status 6, or 7. Only a command repeats one, and it repeats the `userdata` of the first time."""
    trigger = Trigger.COMMAND if repeated else forcesave.trigger
    sender = forcesave.presser if forcesave.trigger is Trigger.FORM else None
    author = sender.author if sender else forcesave.change.author
    pressed = action(PRESSED, forcesave.presser.user_id) if forcesave.presser and not repeated else None
    return _without_none(
        {
            "key": room.key,
            "status": 7 if forcesave.delivery is Delivery.FAILED else 6,
            **links,
            "history": history(forcesave.history, forcesave.document) if links else None,
            "users": [author.user_id],
            "actions": pressed,
            "userdata": forcesave.userdata,
            "lastsave": moment(forcesave.change.at),
            "forcesavetype": trigger.value,
            "encrypted": False if repeated else None,
            "filetype": room.assembled_as if links else None,
        }
    )


def final(room: Room, ending: Final, links: Fields, now: float) -> Fields:
    """Status 2, or 3. Of a forgotten file nobody knows any more who changed what when."""
    change, recalled = room.change, room.change == room.recalled
    assembled = {**links, "history": history(room.history, room.document) if change else {}} if links else {}
    return {
        "key": room.key,
        "status": ending.status,
        **assembled,
        "users": [change.author.user_id if change else ending.leaver.user_id],
        "actions": action(LEFT, ending.leaver.user_id),
        "lastsave": moment(now, milliseconds=True) if change is None or recalled else moment(change.at),
        "notmodified": room.delivered,
        **({"filetype": room.assembled_as} if links else {}),
    }


def history(runs: Sequence[Run], document: bytes | None) -> Fields:
    digest = sha256(document or b"").hexdigest()
    changes = [
        {
            "documentSha256": digest,
            "created": datetime.fromtimestamp(run.started, UTC).strftime("%Y-%m-%d %H:%M:%S"),
            "user": {"id": run.user_id, "name": run.user_name},
        }
        for run in runs
    ]
    return {"serverVersion": VERSION.rpartition(".")[0], "changes": changes}


def changes_archive(runs: Sequence[Run], text: str) -> bytes:
    """A small zip in the place of the real one, whose format is the editor's own."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        authors = [run.user_id for run in runs]
        content = json.dumps({"standin": True, "users": authors, "text": text})
        archive.writestr(zipfile.ZipInfo("changes0.json"), content)  # dated 1980: equal changes, equal bytes
    return target.getvalue()


def moment(at: float, *, milliseconds: bool = False) -> str:
    exact = datetime.fromtimestamp(at if milliseconds else int(at), UTC)
    return exact.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def signed(fields: Fields, secret: str | None, now: float) -> tuple[Fields, dict[str, str]]:
    """Body and headers: the token is in both; the header's is cut when it grows too long."""
    if secret is None:
        return fields, {}
    token = sign(fields, secret, now)
    header = sign({"payload": fields}, secret, now)
    if len(header) >= HEADER_LIMIT and fields["status"] in CUT_STATUSES:
        fields = {name: value for name, value in fields.items() if name != "changesurl"} | {"history": {}}
        header = sign({"payload": fields}, secret, now)
    return {**fields, "token": token}, {"Authorization": f"Bearer {header}"}


def _without_none(fields: Mapping[str, Any]) -> Fields:
    return {name: value for name, value in fields.items() if value is not None}
