"""A stand-in on a stage: no network, and an integrator that writes down when what came."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import trio

from infrastructure.standin.commands import execute
from infrastructure.standin.room import Room, Session
from infrastructure.standin.server import Standin
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


@dataclass
class Stage:
    standin: Standin
    integrator: Integrator

    async def enter(self, user: str = "ada", *, editing: bool = True) -> tuple[Room, Session]:
        """Somebody opens the key and sees the document."""
        who = session(user, editing=editing)
        room = self.standin.enter(who)
        assert room is not None
        await self.standin.load(room, who.opening.url)
        who.submitted = room.text
        await trio.sleep(0.01)
        return room, who

    async def command(self, c: str, **params: object) -> dict[str, Any]:
        return await execute(self.standin, {"c": c, "key": "k", **params}, "http://standin")
