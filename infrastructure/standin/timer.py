"""Forcesaves that nobody asks for: the server's autoAssembly."""

from __future__ import annotations

import trio

from . import saving
from .room import Trigger
from .server import Standin


async def save_by_timer(standin: Standin, interval: float) -> None:
    while True:
        await trio.sleep(min(interval, 1.0) / 2)
        for room in list(standin.rooms.values()):
            waiting = room.unsaved_since is not None and standin.now() - room.unsaved_since >= interval
            if waiting and room.editors and room.forcesave_due() and room.change:
                forcesave = room.start_forcesave(Trigger.TIMER)
                standin.start(saving.deliver, standin, room, forcesave, room.change.author.base_url)
