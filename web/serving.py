"""Listening: how many connections there may be at once, which of them answer, and when they end."""

from __future__ import annotations

import resource
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import trio
from hypercorn.config import Config
from hypercorn.trio.lifespan import Lifespan
from hypercorn.typing import ASGIFramework, LifespanState
from hypercorn.utils import repr_socket_addr, wrap_app

from web.connections import Connection
from web.lean.connection import Lean
from web.lean.shared import Shared

MOST_FILES, FEWER_FILES = 65_536, 10_240  # open files that we ask the system for
OUR_FILES = 256  # of them, what the log, the bytes and the Document Server need


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
    kind: type[Connection] = Lean,
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """What `hypercorn.trio.serve` does for plain HTTP, with connections of this kind.

    From `leaving` on others take those that come, from the same socket; ours are served on.
    """
    wrapped = wrap_app(app, config.wsgi_max_body_size, "asgi")
    shared, state = Shared(config), LifespanState()
    lifespan = Lifespan(wrapped, config, state)

    async def connect(stream: trio.SocketStream) -> None:
        await kind(wrapped, config, shared, state, stream)  # type: ignore[arg-type]  # no TLS

    connections = Connections(most_connections(), connect)
    async with trio.open_nursery() as life:
        await life.start(lifespan.handle_lifespan)
        await lifespan.wait_for_startup()
        life.start_soon(shared.run)
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
                await shared.terminated.set()
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


def sockets_of(config: Config) -> list[socket.socket]:
    """They listen. Raises OSError, which says what to do."""
    try:
        sockets = config.create_sockets().insecure_sockets
        for listening in sockets:
            listening.listen(config.backlog)
    except OSError as error:
        raise OSError(
            f"Cannot listen on {' and '.join(config.bind)}: {error.strerror or error}."
            " Stop whatever does, or set DOCLEDGER_HOST and DOCLEDGER_PORT."
        ) from error
    return sockets


def _listeners(config: Config) -> list[trio.SocketListener]:
    return [trio.SocketListener(trio.socket.from_stdlib_socket(each)) for each in sockets_of(config)]


def _address(listener: trio.SocketListener) -> str:
    return f"http://{repr_socket_addr(listener.socket.family, listener.socket.getsockname())}"
