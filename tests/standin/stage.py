"""A stand-in on a stage: no network, and an integrator that writes down when what came."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import trio

from infrastructure.standin import StandinConfig
from infrastructure.standin.commands import execute
from infrastructure.standin.faults import Fault
from infrastructure.standin.room import Room, Session
from infrastructure.standin.server import Standin
from infrastructure.standin.store import Store
from tests.standin.test_room import session

Answer = Callable[[], httpx.Response]


def ok() -> httpx.Response:
    return httpx.Response(200, json={"error": 0})


def refused() -> httpx.Response:
    return httpx.Response(200, json={"error": 1})


def broken() -> httpx.Response:
    return httpx.Response(500)


@dataclass
class Integrator:
    """Answers without a network, and writes down when what came."""

    answers: dict[int, list[Answer]] = field(default_factory=dict)
    slow: dict[int, float] = field(default_factory=dict)
    document: Answer = lambda: httpx.Response(200, content=b"night")
    seen: list[tuple[float, int, dict[str, Any]]] = field(default_factory=list)
    fetches: list[float] = field(default_factory=list)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            self.fetches.append(trio.current_time())
            return self.document()
        body = json.loads(request.content)
        status = body["status"]
        self.seen.append((trio.current_time(), status, body))
        await trio.sleep(self.slow.get(status, 0))
        planned = self.answers.get(status)
        return planned.pop(0)() if planned else ok()

    @property
    def statuses(self) -> list[int]:
        return [status for _, status, _ in self.seen]

    def times(self, status: int) -> list[float]:
        return [round(at, 2) for at, each, _ in self.seen if each == status]


START = 1_800_000_000.0  # what the clock on the wall says when the play begins


def now() -> float:
    return START + trio.current_time()


@dataclass
class Stage:
    integrator: Integrator
    client: httpx.AsyncClient
    store: Store
    nursery: trio.Nursery
    standin: Standin = field(init=False)
    life: trio.CancelScope = field(init=False)
    dead: trio.Event = field(init=False)

    async def start(self) -> None:
        self.standin = await self.nursery.start(self._live)

    async def _live(self, task_status: trio.TaskStatus[Standin]) -> None:
        config = StandinConfig(assembly_delay=0, control=True)
        self.dead = trio.Event()
        try:
            async with trio.open_nursery() as nursery:
                self.life = nursery.cancel_scope
                task_status.started(Standin.create(config, self.client, nursery, now=now, store=self.store))
                await trio.sleep_forever()
        finally:
            self.dead.set()

    async def crash(self) -> None:
        """Whatever the server was at is cut off, and its successor finds the store."""
        self.life.cancel()
        await self.dead.wait()
        await self.start()

    def fault(self, where: str, kind: str, **more: Any) -> None:
        self.standin.faults.order(Fault(where, kind, **more))

    async def enter(self, user: str = "ada", *, editing: bool = True) -> tuple[Room, Session]:
        """Somebody opens the key and sees the document."""
        who = session(user, editing=editing)
        room = self.standin.enter(who)
        assert room is not None
        await self.standin.load(room, who.opening.url)
        who.submitted = room.text
        await trio.sleep(0.01)
        return room, who

    async def edit(self, text: str = "good night") -> None:
        """Ada opens the key and makes its text this one."""
        room, ada = await self.enter()
        self.standin.edit(room, ada, text, None)

    async def leave(self, seconds: float = 6) -> None:
        """Everybody goes, and some time passes."""
        room = self.standin.rooms["k"]
        for each in list(room.sessions.values()):
            self.standin.leave(room, each)
        await trio.sleep(seconds)

    async def command(self, c: str, **params: object) -> dict[str, Any]:
        return await execute(self.standin, {"c": c, "key": "k", **params}, "http://standin")

    def offered(self, body: dict[str, Any]) -> bytes:
        """What the url of a callback leads to."""
        url = httpx.URL(body["url"])
        query = url.params
        return self.standin.results.find(url.path, query["md5"], query["expires"], now()).content

    def listen(self, who: Session) -> Callable[[], list[dict[str, Any]]]:
        """What the page of a session has been told since."""
        outgoing, inbox = trio.open_memory_channel[dict[str, Any]](100)
        self.standin.inboxes[who.id] = outgoing

        def told() -> list[dict[str, Any]]:
            return [inbox.receive_nowait() for _ in range(inbox.statistics().current_buffer_used)]

        return told

    def refuses(self, user: str) -> bool:
        """Whether somebody who opens the key hears that its version has changed."""
        return self.standin.enter(session(user)) is None
