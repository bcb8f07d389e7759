"""A stretch of network before an object store that changes or cuts what passes, where it meets a word."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socket import SHUT_RDWR, create_connection, create_server, socket
from threading import Thread

CHUNK = 65536


class Meddler:
    def __init__(self, port: int) -> None:
        self.questions: dict[bytes, bytes] = {}  # what to say instead to the server; cut there if it is empty
        self.answers: dict[bytes, bytes] = {}
        self.met = 0
        self._target = port
        self._server = create_server(("127.0.0.1", 0))
        self._sockets: list[socket] = []
        self._threads: list[Thread] = []
        self._start(self._take)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.getsockname()[1]}"

    def close(self) -> None:
        for each in [self._server, *self._sockets]:
            _end(each)
        for thread in self._threads:
            thread.join()

    def _start(self, work: object, *arguments: object) -> None:
        thread = Thread(target=work, args=arguments)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _take(self) -> None:
        with suppress(OSError):
            while True:
                client = self._server.accept()[0]
                self._sockets.append(client)
                server = create_connection(("127.0.0.1", self._target))
                self._sockets.append(server)
                self._start(self._pass, client, server, self.questions)
                self._start(self._pass, server, client, self.answers)

    def _pass(self, source: socket, target: socket, words: dict[bytes, bytes]) -> None:
        with suppress(OSError):
            while chunk := source.recv(CHUNK):
                for word, other in words.items():
                    if word in chunk:
                        self.met += 1
                        before, _, after = chunk.partition(word)
                        chunk = before + other + after if other else before
                        if not other:
                            target.sendall(chunk)
                            raise OSError("cut")
                target.sendall(chunk)
        _end(source)
        _end(target)


def _end(each: socket) -> None:
    with suppress(OSError):
        each.shutdown(SHUT_RDWR)
    each.close()


@contextmanager
def meddler(port: int) -> Iterator[Meddler]:
    meddling = Meddler(port)
    try:
        yield meddling
    finally:
        meddling.close()
