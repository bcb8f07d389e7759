"""A parent of such children, as a program of its own."""

from __future__ import annotations

import logging
import socket
import sys
from functools import partial
from pathlib import Path

import trio

from infrastructure.workers import Timings
from web.workers import NoWorkers, parent

TIMINGS = Timings(grace=20.0, cut=3.0, first_pause=0.1, longest_pause=0.4)


def main(folder: Path, count: int) -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        (folder / "port").write_text(str(listening.getsockname()[1]))

        async def last_saves() -> None:
            with (folder / "told").open("a") as told:
                told.write("0 0 last saves\n")

        command = [sys.executable, "-m", "tests.workers.child", str(folder)]
        trio.run(
            partial(parent, count, command, listening, TIMINGS, last_saves=last_saves, url="http://here")
        )


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), int(sys.argv[2]))
    except* NoWorkers:
        sys.exit(1)
