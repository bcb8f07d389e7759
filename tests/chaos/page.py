"""An editor's page without a browser: it speaks to the stand-in as the stand-in's own page does."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import trio
from trio_websocket import ConnectionClosed, HandshakeError, WebSocketConnection, wrap_client_stream

CONNECTING = 5.0  # seconds
GOODBYE = 1.0  # seconds for the closing handshake
RECONNECT = 1.0  # seconds


class Page:
    """Types by adding lines. `taken` is told each line that the server has."""

    def __init__(
        self, url: str, config: dict[str, Any], taken: Callable[[str], None], reconnect: float = RECONNECT
    ) -> None:
        address = urlsplit(url)
        self._host, self._port, self._path = address.hostname or "", address.port or 80, address.path
        self._reconnect = reconnect
        self._config = config
        self._taken = taken
        self._socket: WebSocketConnection | None = None
        self._text: str | None = None  # None until opened, and while the connection is lost
        self._number: int | None = None  # by which the server knows that text
        self._pending: list[str] = []
        self._flying = False
        self._wants_save = False
        self.failures = 0  # to connect
        self.over = ""  # why nothing more will come

    async def stay(self, leaving: trio.Event) -> None:
        """Until told to leave or sent out; a lost connection is taken up again."""
        while not leaving.is_set() and not self.over:
            try:
                await self._connected(leaving)
            except* (OSError, HandshakeError, trio.TooSlowError):
                self.failures += 1
            self._socket = self._text = None
            with trio.move_on_after(0 if self.over else self._reconnect):
                await leaving.wait()

    async def type(self, line: str) -> None:
        self._pending.append(line)
        await self._offer()

    async def save(self) -> None:
        """Ctrl+S, once the server has what was typed."""
        self._wants_save = True
        await self._offer()

    async def _connected(self, leaving: trio.Event) -> None:
        """The stream is ours to close: the library leaves that to the server."""
        with trio.fail_after(CONNECTING):
            stream = await trio.open_tcp_stream(self._host, self._port)
        async with stream, trio.open_nursery() as nursery:
            with trio.fail_after(CONNECTING):
                self._socket = await wrap_client_stream(nursery, stream, self._host, self._path)
            await self._send(self._config)
            nursery.start_soon(self._hear, self._socket, nursery.cancel_scope)
            await leaving.wait()
            with trio.move_on_after(GOODBYE):
                await self._socket.aclose()
            nursery.cancel_scope.cancel()

    async def _hear(self, socket: WebSocketConnection, connected: trio.CancelScope) -> None:
        with suppress(ConnectionClosed):
            while not self.over:
                await self._heed(json.loads(await socket.get_message()))
        connected.cancel()

    async def _heed(self, message: Mapping[str, Any]) -> None:
        match message:
            case {"type": "opened", "text": str(text), "number": number, "mode": "edit"}:
                self._config["token"] = message.get("token") or self._config["token"]
                await self._know(text, number)
            case {"type": "opened"}:
                self.over = "view only"
            case {"type": "ack", "number": number}:
                await self._know(message.get("text", self._text), number)
            case {"type": "text", "text": str(text), "number": number} if not self._flying:
                self._text, self._number = text, number
            case {"type": "outdated" | "dropped" as over}:
                self.over = over
            case {"type": "error", "text": str(reason)}:
                self.over = f"error: {reason}"
            case {"type": "ping"}:
                await self._send({"type": "pong"})

    async def _know(self, text: str, number: int) -> None:
        """What the server holds now; what it lacks of ours is typed again."""
        self._text, self._number, self._flying = text, number, False
        lines = set(text.split("\n"))
        for line in self._pending:
            if line in lines:
                self._taken(line)
        self._pending = [line for line in self._pending if line not in lines]
        await self._offer()

    async def _offer(self) -> None:
        """One text is under way at a time; the next waits for the server's answer."""
        if self._text is None or self._flying:
            return
        if self._pending:
            self._flying = True
            self._text = "\n".join([self._text, *self._pending])
            await self._send({"type": "text", "text": self._text, "ground": self._number})
        elif self._wants_save:
            self._wants_save = False
            await self._send({"type": "save"})

    async def _send(self, message: Mapping[str, Any]) -> None:
        if self._socket:
            with suppress(ConnectionClosed):
                await self._socket.send_message(json.dumps(message))
