"""A worker that serves its number and its process id, and otherwise does what files in its folder say."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path

import trio

from infrastructure.line import DRAINED, READY, Line


class Child:
    def __init__(self, folder: Path, number: int, listening: int, line: Line) -> None:
        self._folder = folder
        self._number = number
        self._listening = trio.SocketListener(trio.socket.from_stdlib_socket(socket.socket(fileno=listening)))
        self._line = line

    async def live(self) -> None:
        if "stillborn" in self._told():
            print("there is no database", file=sys.stderr, flush=True)
            raise SystemExit(3)
        stop = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._line.listen, stop)
            nursery.start_soon(_stop_on_signal, stop)
            accepting = await nursery.start(self._accept, nursery)
            self._note("ready")
            await self._line.say(READY)
            await stop.wait()
            if self._line.leave.is_set():
                accepting.cancel()
            self._note("stopping")
            while "busy" in self._told():  # noqa: ASYNC110 (a test tells it by a file)
                await trio.sleep(0.02)
            self._note("drained")
            await self._line.say(DRAINED)
            await self._line.over.wait()
            while "stubborn" in self._told():  # noqa: ASYNC110 (the same)
                await trio.sleep(0.02)
            self._note("ended")
            nursery.cancel_scope.cancel()

    async def _accept(
        self,
        nursery: trio.Nursery,
        task_status: trio.TaskStatus[trio.CancelScope] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        with trio.CancelScope() as scope:
            task_status.started(scope)
            await trio.serve_listeners(self._answer, [self._listening], handler_nursery=nursery)

    async def _answer(self, stream: trio.SocketStream) -> None:
        async with stream:
            await stream.receive_some(1000)
            body = f"{self._number} {os.getpid()}".encode()
            await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    def _told(self) -> list[str]:
        return [path.name for path in self._folder.iterdir()]

    def _note(self, what: str) -> None:
        with (self._folder / "told").open("a") as told:
            told.write(f"{self._number} {os.getpid()} {what} {os.environ.get('NOTIFY_SOCKET', '')}\n")


async def _stop_on_signal(stop: trio.Event) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            stop.set()


if __name__ == "__main__":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    folder_, number_, listening_, _door, handle_ = sys.argv[1:]

    async def main() -> None:
        await Child(Path(folder_), int(number_), int(listening_), Line(int(handle_))).live()

    trio.run(main)
