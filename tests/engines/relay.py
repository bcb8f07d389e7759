"""A stretch of network in front of a server, which cuts, hangs, delays, and loses what matters most."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from threading import Event, Thread

import trio

from tests.engines.namespaces import Machine
from tests.ports import free_port

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing says RST, as a machine does that knows nothing any more
PROMPT = 10.0  # seconds for the relay's thread to do what it is told


class Relay:
    """In a thread of its own, so that it serves any kind of test; it listens on `port` of 127.0.0.1.

    Where machines are named, it leads in or out of them.
    """

    def __init__(
        self,
        port: int,
        host: str = "127.0.0.1",
        at: int | None = None,
        server_on: Machine | None = None,
        clients_on: Machine | None = None,
    ) -> None:
        self.port = at or free_port()
        self._server_side, self._client_side = _sockets_on(server_on), _sockets_on(clients_on)
        self.delay = 0.0  # seconds, for each chunk that passes
        self.connections = 0  # ever made
        self._target = host, port
        self._streams: set[trio.SocketStream] = set()
        self._listener: trio.SocketListener | None = None
        self._passing = trio.Event()
        self._losing: tuple[str, bytes] | None = None
        self._lost = Event()
        ready = Event()
        self._thread = Thread(target=trio.run, args=(self._run, ready), daemon=True)
        self._thread.start()
        assert ready.wait(PROMPT)

    def cut(self) -> None:
        """All connections are reset, and new ones refused."""
        self._do(self._cut)

    def reset(self) -> None:
        """All connections are reset; new ones are welcome."""
        self._do(self._reset)

    def hang(self) -> None:
        """Nothing passes and nobody is told; what was said meanwhile arrives once it is mended."""
        self._do(self._hang)

    def mend(self) -> None:
        self._do(self._mend)

    def lose_question(self, word: bytes) -> None:
        """When this is said to the server next, it does not arrive: all connections are reset."""
        self._lose("question", word)

    def lose_answer(self, word: bytes) -> None:
        """When the server says this next, nobody hears it: all connections are reset.

        PostgreSQL says COMMIT once it has committed.
        """
        self._lose("answer", word)

    def lost(self, seconds: float = 10.0) -> bool:
        """Whether that has happened, waiting so long at most."""
        return self._lost.wait(seconds)

    def close(self) -> None:
        self._token.run_sync_soon(self._everything.cancel)
        self._thread.join(PROMPT)

    def _lose(self, what: str, word: bytes) -> None:
        self._lost.clear()
        self._losing = what, word

    def _do(self, what: Callable[[], None]) -> None:
        done = Event()
        self._token.run_sync_soon(what)
        self._token.run_sync_soon(done.set)
        assert done.wait(PROMPT)

    async def _run(self, ready: Event) -> None:
        self._token = trio.lowlevel.current_trio_token()
        async with trio.open_nursery() as self._nursery:
            self._everything = self._nursery.cancel_scope
            self._mend()
            ready.set()
            await trio.sleep_forever()

    def _mend(self) -> None:
        if not self._listener:
            with self._client_side():
                server = socket.create_server(("127.0.0.1", self.port))
            self._listener = trio.SocketListener(trio.socket.from_stdlib_socket(server))
            self._nursery.start_soon(self._listen, self._listener)
        self._passing.set()

    def _hang(self) -> None:
        if self._passing.is_set():
            self._passing = trio.Event()

    def _cut(self) -> None:
        if self._listener:
            self._listener.socket.close()
            self._listener = None
        self._reset()

    def _reset(self) -> None:
        for stream in self._streams:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            stream.socket.close()
        self._streams.clear()

    async def _listen(self, listener: trio.SocketListener) -> None:
        with suppress(trio.ClosedResourceError):  # by `cut`
            async with listener:
                while True:
                    self._nursery.start_soon(self._connect, await listener.accept())

    async def _connect(self, client: trio.SocketStream) -> None:
        self._streams.add(client)
        async with client:
            with suppress(OSError):
                server = await self._reach()
                self.connections += 1
                self._streams.add(server)
                async with server, trio.open_nursery() as both:
                    both.start_soon(self._pass, "question", client, server, both.cancel_scope)
                    both.start_soon(self._pass, "answer", server, client, both.cancel_scope)
                self._streams.discard(server)
        self._streams.discard(client)

    async def _reach(self) -> trio.SocketStream:
        with self._server_side():
            server = trio.socket.socket()
        try:
            await server.connect(self._target)
        except OSError:
            server.close()
            raise
        return trio.SocketStream(server)

    async def _pass(
        self, what: str, source: trio.SocketStream, sink: trio.SocketStream, line: trio.CancelScope
    ) -> None:
        with suppress(OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            async for chunk in source:
                await self._passing.wait()
                await trio.sleep(self.delay)
                if self._losing and self._losing[0] == what and self._losing[1] in chunk:
                    self._losing = None
                    self._reset()
                    self._lost.set()
                await sink.send_all(chunk)
            await self._passing.wait()
            await sink.send_eof()
            return
        line.cancel()


@contextmanager
def relay(
    port: int, at: int | None = None, server_on: Machine | None = None, clients_on: Machine | None = None
) -> Iterator[Relay]:
    between = Relay(port, at=at, server_on=server_on, clients_on=clients_on)
    try:
        yield between
    finally:
        between.close()


def _sockets_on(machine: Machine | None) -> Callable[[], AbstractContextManager[None]]:
    return machine.inside if machine else nullcontext
