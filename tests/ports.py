"""Ports for servers that are not up yet, or are down for a while: nobody else is given them meanwhile."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, cycle, islice

# Below those that the kernel gives to whoever asks for any, and to outgoing connections.
LOWEST, HIGHEST = 20_000, 32_000
SHARES = 8  # one for each process of pytest-xdist


def free_port() -> int:
    """Another one each time, until this process has had its whole share. Raises OSError if all are taken."""
    for port in islice(_turns, (HIGHEST - LOWEST) // SHARES):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", port))  # some servers listen everywhere, some clients come from 127.0.0.2
            return port
    raise OSError("no free port")


def _share() -> Iterator[int]:
    """Begun where no other run on this machine is likely to be."""
    size = (HIGHEST - LOWEST) // SHARES
    first = LOWEST + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % SHARES * size
    begin = first + os.getpid() % size
    return cycle(chain(range(begin, first + size), range(first, begin)))


_turns = _share()
