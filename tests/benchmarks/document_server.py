"""A scripted Document Server: every command is fine, and every result url has bytes of its own.

As cheap as can be, because it shares the machine with what is measured.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import partial

import trio

from tests.benchmarks.incoming import Incoming, answer
from tests.benchmarks.words import word

FINE = b'{"error":0}'


async def handle(stream: trio.SocketStream) -> None:
    incoming = Incoming(stream)
    with suppress(trio.BrokenResourceError):  # the client is gone
        while asked := await incoming.next():
            path = asked.target.partition(b"?")[0]
            await stream.send_all(answer(FINE if asked.method == b"POST" else word(path.decode())))


if __name__ == "__main__":
    trio.run(partial(trio.serve_tcp, handle, int(sys.argv[1]), host="127.0.0.1"))
