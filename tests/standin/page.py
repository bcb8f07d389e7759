"""An editor page without a browser: speaks the socket as the page's script does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import jwt
import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Message, Request

from tests.contract.integrator import Integrator

Told = dict[str, Any]


@dataclass
class Page:
    stream: trio.SocketStream
    protocol: WSConnection
    pieces: list[str] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    text: str = ""
    number: int = 0

    async def type(self, text: str) -> None:
        """Make the document's text this one, and wait until the server has it."""
        await self.say({"type": "text", "text": text, "ground": self.number})
        answer = await self.hear("ack")
        self.text, self.number = answer.get("text", text), answer["number"]

    async def say(self, message: Mapping[str, Any]) -> None:
        await self.stream.send_all(self.protocol.send(Message(json.dumps(message))))

    async def hear(self, kind: str) -> Told:
        """The next message of this kind; those before it are done with."""
        while True:
            while self.told:
                message = self.told.pop(0)
                if message["type"] == kind:
                    return message
            await self._receive()

    async def _receive(self) -> None:
        data = await self.stream.receive_some()
        self.protocol.receive_data(data or None)
        for event in self.protocol.events():
            match event:
                case Message():
                    self.pieces.append(str(event.data))
                    if event.message_finished:
                        self.told.append(json.loads("".join(self.pieces)))
                        self.pieces.clear()
                case CloseConnection():
                    raise ConnectionResetError(event.reason)


def config(ours: Integrator, key: str = "k", user: str = "ada") -> dict[str, Any]:
    """What an integrator's page hands to the editor."""
    plain = {
        "document": {"fileType": "txt", "key": key, "title": "t", "url": f"{ours.url}/files/t.txt"},
        "editorConfig": {
            "mode": "edit",
            "callbackUrl": f"{ours.url}/callback?who={user}",
            "user": {"id": user, "name": user.title()},
            "customization": {"forcesave": True},
        },
    }
    return {"token": jwt.encode(plain, ours.secret, "HS256"), **plain}


@asynccontextmanager
async def page(server: str, config: Mapping[str, Any]) -> AsyncIterator[Page]:
    """An editor that is ready."""
    place = urlsplit(server)
    async with await trio.open_tcp_stream(place.hostname or "", place.port or 0) as stream:
        protocol = WSConnection(ConnectionType.CLIENT)
        await stream.send_all(protocol.send(Request(host=place.netloc, target="/standin/socket")))
        protocol.receive_data(await stream.receive_some())
        assert isinstance(next(protocol.events()), AcceptConnection)
        opened = Page(stream, protocol)
        await opened.say(config)
        shown = await opened.hear("opened")
        opened.text, opened.number = shown["text"], shown["number"]
        yield opened
