"""Connections: HTTP/1.1 alone, on Hypercorn's Trio worker, where a fault in one connection ends that one.

Hypercorn shields what it sends from every deadline and cancellation, so that a client that takes nothing
would hold its request for ever, and with it the end of the service: such a connection is severed.

Hypercorn speaks HTTP/2 and WebSocket to whoever asks for them, and whatever its protocols do not expect (a
byte beyond ASCII in a path or a header of theirs) ends the process with all of its documents.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from typing import Any, cast

import h11
import trio
from hypercorn.events import Closed, Event, RawData
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.typing import AppWrapper, ConnectionState
from hypercorn.utils import parse_socket_addr

logger = logging.getLogger(__name__)

STALLED = 60.0  # seconds in which a client has not taken a piece
PIECE = 64 * 1024  # bytes
NEWCOMERS = 1.0  # seconds, when the service ends, for whoever has come in and not asked yet
SEVER = "docledger.sever"  # ends the connection that a request came over: a key of the ASGI scope
WHOLE = "docledger.whole"  # another: the body, if all of it came with the head

Address = tuple[str, int] | None


class Connection(TCPServer, ABC):
    """From its beginning to its end, whoever speaks HTTP over it."""

    client: Address = None
    server: Address = None

    async def run(self) -> None:
        try:
            socket = self.stream.socket
            self.client = parse_socket_addr(socket.family, socket.getpeername())
            self.server = parse_socket_addr(socket.family, socket.getsockname())
            await self.converse()
        except* OSError:
            pass  # hung up
        except* Exception:
            logger.exception("security: a connection from %s broke down", self.client)
        finally:
            await self._close()

    @abstractmethod
    async def converse(self) -> None:
        """Until one of the two has had enough."""

    async def _send(self, data: bytes | memoryview) -> None:
        """Shielded, as Hypercorn does it, but not for ever: whoever takes nothing holds memory and a file."""
        for start in range(0, len(data), PIECE):
            with trio.move_on_after(STALLED, shield=True) as taking:
                await self.stream.send_all(data[start : start + PIECE])
            if taking.cancelled_caught:
                await trio.aclose_forcefully(self.stream)
                raise trio.ClosedResourceError


class Http1(H11Protocol):
    async def _check_protocol(self, event: h11.Request) -> None:
        """Neither an upgrade to HTTP/2 nor HTTP/2 at once."""

    async def _create_stream(self, request: h11.Request) -> None:
        """A server may ignore an upgrade (RFC 9110, 7.8)."""
        if any(name == b"upgrade" for name, _ in request.headers):
            request = h11.Request(
                method=request.method,
                target=request.target,
                headers=[each for each in request.headers if each[0] != b"upgrade"],
                http_version=request.http_version,
            )
        await super()._create_stream(request)


class Stock(Connection):
    """Hypercorn's protocol and its tasks, as they are."""

    speaks: type[H11Protocol] = Http1

    async def converse(self) -> None:
        app = self.app

        async def severable(scope: Any, *others: Any) -> None:
            scope[SEVER] = self.stream.socket.close
            await app(scope, *others)

        async with TaskGroup() as self._task_group:
            self.protocol = self.speaks(  # type: ignore[assignment]  # no wrapper that changes it
                cast(AppWrapper, severable),
                self.config,
                self.context,
                self._task_group,
                ConnectionState(self.state),
                False,
                self.client,
                self.server,
                self.protocol_send,
            )
            await self.idle_task.restart(self._task_group, self._newcomers_timeout)
            await self._read_data()

    async def _newcomers_timeout(self) -> None:
        """A client whose connection had answers takes its end for what it is, and asks again on another (RFC
        9112, 9.3.1); the end of a new one is an error to it.
        """
        with trio.move_on_after(self.config.keep_alive_timeout):
            await self.context.terminated.wait()
            await trio.sleep(NEWCOMERS)
        with trio.CancelScope(shield=True):
            await self._initiate_server_close()

    async def protocol_send(self, event: Event) -> None:
        if isinstance(event, RawData):
            async with self.send_lock:
                try:
                    await self._send(event.data)
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    await self.protocol.handle(Closed())
            return
        if isinstance(event, Closed):
            async with self.send_lock:  # a fault of the client's does not cut the answer that is being sent
                pass
        await super().protocol_send(event)
