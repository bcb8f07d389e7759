"""Connections: Hypercorn's Trio worker with HTTP/1.1 alone, where a fault in one connection ends that one.

Hypercorn shields what it sends from every deadline and cancellation, so that a client that takes nothing
would hold its request for ever, and with it the end of the service: such a connection is severed.

Hypercorn speaks HTTP/2 and WebSocket to whoever asks for them, and whatever its protocols do not expect (a
byte beyond ASCII in a path or a header of theirs) ends the process with all of its documents.
"""

from __future__ import annotations

import logging
import resource
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, cast

import h11
import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.lifespan import Lifespan
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import AppWrapper, ASGIFramework, ConnectionState, LifespanState
from hypercorn.utils import parse_socket_addr, repr_socket_addr, wrap_app

logger = logging.getLogger(__name__)

STALLED = 60.0  # seconds in which a client has not taken a piece
PIECE = 64 * 1024  # bytes
MOST_FILES, FEWER_FILES = 65_536, 10_240  # open files that we ask the system for
OUR_FILES = 256  # of them, what the log, the bytes and the Document Server need
SEVER = "docledger.sever"  # ends the connection that a request came over: a key of the ASGI scope


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


class Connection(TCPServer):
    async def run(self) -> None:
        app = self.app

        async def severable(scope: Any, *others: Any) -> None:
            scope[SEVER] = self.stream.socket.close
            await app(scope, *others)

        client = None
        try:
            socket = self.stream.socket
            client = parse_socket_addr(socket.family, socket.getpeername())
            server = parse_socket_addr(socket.family, socket.getsockname())
            async with TaskGroup() as self._task_group:
                self.protocol = Http1(  # type: ignore[assignment]  # no wrapper that changes it
                    cast(AppWrapper, severable),
                    self.config,
                    self.context,
                    self._task_group,
                    ConnectionState(self.state),
                    False,
                    client,
                    server,
                    self.protocol_send,
                )
                await self.idle_task.restart(self._task_group, self._idle_timeout)
                await self._read_data()
        except* OSError:
            pass  # hung up
        except* Exception:
            logger.exception("security: a connection from %s broke down", client)
        finally:
            await self._close()

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

    async def _send(self, data: bytes) -> None:
        """Shielded, as Hypercorn does it, but not for ever: whoever takes nothing holds memory and a file."""
        for start in range(0, len(data), PIECE):
            with trio.move_on_after(STALLED, shield=True) as taking:
                await self.stream.send_all(data[start : start + PIECE])
            if taking.cancelled_caught:
                await trio.aclose_forcefully(self.stream)
                raise trio.ClosedResourceError


class Connections:
    """At most so many at once that the files of the log and the blobs can always be opened."""

    def __init__(self, most: int, connect: Callable[[trio.SocketStream], Awaitable[None]]) -> None:
        self._most = most
        self._connect = connect
        self._open: set[trio.SocketStream] = set()

    async def take(self, stream: trio.SocketStream) -> None:
        if len(self._open) >= self._most:
            await trio.aclose_forcefully(stream)
            return
        self._open.add(stream)
        try:
            await self._connect(stream)
        finally:
            self._open.discard(stream)

    async def sever_at(self, time: float) -> None:
        """Whatever is still sent then."""
        await trio.sleep_until(time)
        for stream in self._open:
            stream.socket.close()


async def listen(
    app: ASGIFramework,
    config: Config,
    *,
    shutdown_trigger: Callable[[], Awaitable[None]],
    leaving: Callable[[], Awaitable[None]] = trio.sleep_forever,
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """What `hypercorn.trio.serve` does for plain HTTP, with our connections.

    From `leaving` on others take those that come, from the same socket; ours are served on.
    """
    wrapped = wrap_app(app, config.wsgi_max_body_size, "asgi")
    context, state = WorkerContext(None), LifespanState()
    lifespan = Lifespan(wrapped, config, state)

    async def connect(stream: trio.SocketStream) -> None:
        await Connection(wrapped, config, context, state, stream)  # type: ignore[arg-type]  # no TLS

    connections = Connections(most_connections(), connect)
    async with trio.open_nursery() as life:
        await life.start(lifespan.handle_lifespan)
        await lifespan.wait_for_startup()
        async with trio.open_nursery() as serving:
            listeners = _listeners(config)
            try:
                async with trio.open_nursery() as accepting:
                    accept = partial(trio.serve_listeners, connections.take, handler_nursery=serving)
                    await accepting.start(_until, leaving, accept, listeners)
                    task_status.started([_address(listener) for listener in listeners])
                    await shutdown_trigger()
                    accepting.cancel_scope.cancel()
            finally:
                await context.terminated.set()
                cut = serving.cancel_scope.deadline = trio.current_time() + config.graceful_timeout
                life.start_soon(connections.sever_at, cut)
        await lifespan.wait_for_shutdown()
        life.cancel_scope.cancel()


async def _until(
    leaving: Callable[[], Awaitable[None]],
    accept: Callable[..., Awaitable[None]],
    listeners: list[trio.SocketListener],
    task_status: trio.TaskStatus[object] = trio.TASK_STATUS_IGNORED,
) -> None:
    async with trio.open_nursery() as nursery:
        task_status.started(await nursery.start(accept, listeners))
        await leaving()
        nursery.cancel_scope.cancel()


def most_connections() -> int:
    """As many as the system gives us files for; an idle one is held by one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    for wanted in (most, FEWER_FILES):
        if soft != resource.RLIM_INFINITY and soft < wanted:
            with suppress(ValueError, OSError):  # more than the system has for any process
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
                soft = wanted
    files = MOST_FILES if soft == resource.RLIM_INFINITY else min(soft, MOST_FILES)
    return max(files - OUR_FILES, files // 2)


def _listeners(config: Config) -> list[trio.SocketListener]:
    sockets = config.create_sockets().insecure_sockets
    for socket in sockets:
        socket.listen(config.backlog)
    return [trio.SocketListener(trio.socket.from_stdlib_socket(socket)) for socket in sockets]


def _address(listener: trio.SocketListener) -> str:
    return f"http://{repr_socket_addr(listener.socket.family, listener.socket.getsockname())}"
