"""A bare hello, on Hypercorn's Trio worker and on each step from there to our lean connections.

Every step but the last is what docs/hypercorn.md proposes to Hypercorn, as the least that shows its worth.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from math import inf
from typing import cast

import h11
import trio
from hypercorn.config import Config
from hypercorn.events import Event, RawData, Updated
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.typing import ASGIFramework, H11SendableEvent
from starlette.applications import Starlette
from starlette.routing import Route

from tests.benchmarks.floor import hello
from web.connections import Connection, Http1, Stock
from web.lean.connection import Lean
from web.serving import listen


class OneTimer(Stock):
    """The idle time of a connection is a deadline that moves, instead of a task for each request."""

    def __init__(self, *given: object) -> None:
        super().__init__(*given)  # type: ignore[arg-type]
        self.timer = trio.CancelScope()

    async def protocol_send(self, event: Event) -> None:
        if isinstance(event, Updated):
            self.timer.deadline = self.ending if event.idle else inf
        else:
            await super().protocol_send(event)

    @property
    def ending(self) -> float:
        return trio.current_time() + self.config.keep_alive_timeout

    async def _idle_timeout(self) -> None:
        self.timer.deadline = self.ending
        with self.timer:
            await self.context.terminated.wait()
        if self.timer.deadline < inf:  # a running answer ends the connection itself
            with trio.CancelScope(shield=True):
                await self._initiate_server_close()


class Joining(Http1):
    """A head waits for what follows it; here for however long, unlike in web/lean/shared.py."""

    held = b""

    async def _send_h11_event(self, event: H11SendableEvent) -> None:
        data, self.held = self.held + self.connection.send(event), b""
        if isinstance(event, h11.Response):
            self.held = data
        elif data:
            await self.send(RawData(data))


class OneSend(OneTimer):
    """Head and body in one call of the system, and none for an end that has no bytes."""

    speaks: type[H11Protocol] = Joining


class NoWaiting(OneSend):
    """What the system takes at once needs no lock, no shield and no turn of the scheduler."""

    async def protocol_send(self, event: Event) -> None:
        if isinstance(event, RawData) and not self.send_lock.locked():
            try:
                sent = os.write(self.stream.socket.fileno(), event.data)
            except BlockingIOError:
                sent = 0
            if sent == len(event.data):
                return
            event = RawData(event.data[sent:])
        await super().protocol_send(event)


STEPS: dict[str, type[Connection]] = {
    "stock": Stock,
    "one timer": OneTimer,
    "one send": OneSend,
    "no waiting": NoWaiting,
    "lean": Lean,
}


def main(step: str, port: int) -> None:
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    app = cast(ASGIFramework, Starlette(routes=[Route("/", hello)]))
    trio.run(partial(listen, app, config, shutdown_trigger=trio.sleep_forever, kind=STEPS[step]))


if __name__ == "__main__":
    main(sys.argv[2], int(sys.argv[1]))
