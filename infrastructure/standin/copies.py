"""What leaves an editor beside its saves: a copy for the integrator's own files, a form that is sent in."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from . import saving
from .documents import FORMATS, write_text
from .room import Room, Session

if TYPE_CHECKING:
    from .server import Standin


async def save_as(standin: Standin, room: Room, session: Session) -> None:
    """Tells the page what its integrator may fetch, as it is now and saved or not."""
    content = standin.document(room)
    if content is None:
        return
    if room.change and room.filetype in FORMATS:
        content = await write_text(room.filetype, content, room.text)
    directory, name = standin.results.directory(room.key), f"output.{room.filetype}"
    standin.results.keep(directory, name, content, standin.now())
    title = f"{PurePosixPath(session.opening.title).stem or 'Document'}.{room.filetype}"
    url = standin.results.link(session.base_url, directory, name, standin.now(), title)
    standin.tell(session, {"type": "copy", "data": {"fileType": room.filetype, "title": title, "url": url}})


def submit(standin: Standin, room: Room, session: Session, fields: list[Any]) -> None:
    """A status 6 of the type 3, if the session may fill the document in."""
    if session.opening.filling and standin.document(room) is not None:
        submission = room.submission(session, json.dumps(fields), standin.now())
        standin.start(saving.deliver, standin, room, submission, session.base_url)
