"""Between the nodes and the Document Server: who sends which command for which document, and when."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64decode
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import NamedTuple

import trio

from tests.benchmarks.incoming import Incoming

GONE = (trio.BrokenResourceError, trio.ClosedResourceError, OSError)


class Command(NamedTuple):
    at: float  # seconds of the wall clock
    node: int
    name: str


class Commands:
    """What has been sent, by document."""

    def __init__(self) -> None:
        self._of: dict[str, list[Command]] = defaultdict(list)

    def note(self, node: int, token: str) -> None:
        said = claims(token)
        self.add(str(said.get("key")), Command(time.time(), node, str(said.get("c"))))

    def add(self, key: str, sent: Command) -> None:
        self._of[key].append(sent)

    def autosaves(self, key: str, since: float = 0) -> list[Command]:
        return [sent for sent in self._of[key] if sent.name == "forcesave" and sent.at >= since]

    def doubled(self, keys: Iterable[str], pause: float, since: float) -> int:
        """How often a node went on auto-saving a document although another had begun to.

        One after the other, as a document changes hands, is no such thing.
        """
        sent = (self.autosaves(key, since) for key in keys)
        threes = (three for each in sent for three in zip(each, each[1:], each[2:], strict=False))
        return sum(_went_on(*three, pause) for three in threes)


def _went_on(one: Command, two: Command, three: Command, pause: float) -> bool:
    return one.node == three.node != two.node and three.at - one.at < 1.5 * pause


def claims(token: str) -> dict[str, object]:
    """Unverified: whoever listens in need not know the secret."""
    payload = token.split(".")[1]
    return dict(json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))


class Tap:
    """One node's way to the server; `url` is what the node is told."""

    def __init__(self, node: int, port: int, commands: Commands) -> None:
        self._node, self._port, self._commands = node, port, commands
        self.url = ""

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        async with trio.open_nursery() as nursery:
            serve = partial(trio.serve_tcp, self._pass, 0, host="127.0.0.1")
            listeners: list[trio.SocketListener] = await nursery.start(serve)
            self.url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
            task_status.started()

    async def _pass(self, stream: trio.SocketStream) -> None:
        with suppress(*GONE):
            async with (
                await trio.open_tcp_stream("127.0.0.1", self._port) as server,
                trio.open_nursery() as both,
            ):
                both.start_soon(_answers, server, stream, both.cancel_scope)
                await self._questions(stream, server)
                both.cancel_scope.cancel()

    async def _questions(self, stream: trio.SocketStream, server: trio.SocketStream) -> None:
        incoming = Incoming(stream)
        with suppress(*GONE):
            while asked := await incoming.next():
                with suppress(ValueError, KeyError):  # no command
                    self._commands.note(self._node, json.loads(asked.body)["token"])
                await server.send_all(asked.whole)


async def _answers(server: trio.SocketStream, stream: trio.SocketStream, both: trio.CancelScope) -> None:
    with suppress(*GONE):
        async for data in server:
            await stream.send_all(data)
    both.cancel()
