"""A scripted Document Server: every command is fine, and every result url has bytes of its own.

As cheap as can be, because it shares the machine with what is measured.
"""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from functools import partial

import trio

from tests.benchmarks.words import word

LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
FINE = b'{"error":0}'


async def talk(stream: trio.SocketStream) -> None:
    """One connection, kept alive until the other side has had enough."""
    waiting = b""
    while True:
        while b"\r\n\r\n" not in waiting:
            waiting += (arrived := await stream.receive_some())
            if not arrived:
                return
        head, _, waiting = waiting.partition(b"\r\n\r\n")
        length = int(found[1]) if (found := LENGTH.search(head)) else 0
        while len(waiting) < length:
            waiting += (arrived := await stream.receive_some())
            if not arrived:
                return
        waiting = waiting[length:]
        method, target, _ = head.split(b" ", 2)
        body = FINE if method == b"POST" else word(target.partition(b"?")[0].decode())
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


async def handle(stream: trio.SocketStream) -> None:
    with suppress(trio.BrokenResourceError):  # the client is gone
        await talk(stream)


if __name__ == "__main__":
    trio.run(partial(trio.serve_tcp, handle, int(sys.argv[1]), host="127.0.0.1"))
