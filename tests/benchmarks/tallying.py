"""A Document Server that has nothing new to save, and counts how often it is asked and how regularly.

    python -m tests.benchmarks.tallying PORT PEOPLE CALLBACK

PEOPLE is a JSON file: who edits each document, by key; nobody where the name is empty. Before it answers
`info` it calls back, as a real one does. `GET /tally` tells what it was asked since it told that before.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import trio

from tests.benchmarks import callbacks, machine
from tests.benchmarks.incoming import Incoming, answer
from tests.benchmarks.taps import GONE, claims


class Tally:
    def __init__(self, people: Mapping[str, str], callback: str) -> None:
        self._people, self._callback = people, urlsplit(callback)
        self._counts: Counter[str] = Counter()
        self._last: dict[str, float] = {}  # key -> when it was to be auto-saved
        self._informed: set[str] = set()
        self._pauses: list[float] = []

    async def talk(self, stream: trio.SocketStream) -> None:
        incoming = Incoming(stream)
        with suppress(*GONE):
            while asked := await incoming.next():
                if asked.method == b"GET":
                    said = self._told()
                else:
                    said = await self._obey(claims(json.loads(asked.body)["token"]))
                await stream.send_all(answer(json.dumps(said).encode()))

    async def _obey(self, command: Mapping[str, Any]) -> dict[str, Any]:
        name, key = str(command["c"]), str(command.get("key", ""))
        self._counts[name] += 1
        match name:
            case "forcesave":
                self._autosaved(key)
                return {"error": 4, "key": key}
            case "info":
                users = [user] if (user := self._people.get(key)) else []
                await self._call_back(key, users)
                self._informed.add(key)
                return {"error": 0, "key": key, "users": users}
            case "getForgottenList":
                return {"error": 0, "keys": []}
        return {"error": 0}

    def _autosaved(self, key: str) -> None:
        now = time.monotonic()
        if key in self._last:
            self._pauses.append(now - self._last[key])
        self._last[key] = now

    def _told(self) -> dict[str, Any]:
        told = {
            "commands": dict(self._counts),
            "autosaved": len(self._last),
            "informed": len(self._informed),
            "pauses": machine.spread(self._pauses),
        }
        self._counts.clear()
        self._pauses.clear()
        return told

    async def _call_back(self, key: str, users: list[str]) -> None:
        """Status 1, over a connection of its own."""
        bearer, body = callbacks.line({"key": key, "status": 1, "users": users}).split("\t")
        head = f"POST {self._callback.path} HTTP/1.1\r\nHost: {self._callback.netloc}\r\n"
        head += f"Authorization: Bearer {bearer}\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        with suppress(*GONE):
            stream = await trio.open_tcp_stream("127.0.0.1", self._callback.port or 80)
            async with stream:
                await stream.send_all((head + body).encode())
                async for _ in stream:
                    pass


def main(port: int, people: Path, callback: str) -> None:
    tally = Tally(json.loads(people.read_text()), callback)
    trio.run(partial(trio.serve_tcp, tally.talk, port, host="127.0.0.1"))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
