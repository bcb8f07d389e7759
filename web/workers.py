"""`docledger serve` with several workers: what their parent does, and what each of them does."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import trio

from infrastructure.line import Line
from infrastructure.notifying import READY, STOPPING, notify
from infrastructure.settings import PREFIX, Settings, SettingsError
from infrastructure.workers import Timings, Workers
from web.roles import AsWorker, LastSaves, document_server
from web.server import CUT, MARGIN, check_keys, config_of, serve, stop_on_signal
from web.serving import sockets_of

logger = logging.getLogger(__name__)

COMMAND = (sys.executable, "-P", "-m", "web.cli", "serve", "--worker")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LEAVING = 5.0  # seconds, beyond the last answer, for the database
BACKLOG = 100  # connections that wait at a door


class NoWorkers(Exception):
    """They did not start; each has said why itself."""


async def run_workers(settings: Settings, count: int) -> None:
    """Until SIGINT or SIGTERM; SIGHUP renews them all.

    Raises SettingsError, StandinFailed, OSError, NoWorkers.
    """
    if not settings.uses_postgres:
        raise SettingsError(
            f"{count} workers cannot share a log in SQLite, which one process writes to."
            f" Set {PREFIX}DATABASE_URL to a database in PostgreSQL, or have one worker."
        )
    check_keys(settings)
    config = config_of(settings)
    (listening,) = sockets_of(config)
    with listening:
        async with document_server(settings) as (_, last_saves):
            timings = Timings(settings.grace_seconds + MARGIN, CUT + LEAVING)
            url = settings.public_url
            await parent(count, COMMAND, listening, timings, last_saves=last_saves, url=url)


async def parent(
    count: int,
    command: Sequence[str],
    listening: socket.socket,
    timings: Timings,
    *,
    last_saves: LastSaves,
    url: str,
) -> None:
    """The command is told what `run_worker` wants to know. Raises NoWorkers."""
    with doors() as folder, trio.open_signal_receiver(*SIGNALS) as signals:
        async with trio.open_nursery() as nursery:
            launch, took = partial(_launch, command, listening, folder), partial(_opened, folder)
            workers = Workers(nursery, count, launch, took, timings)
            over = trio.Event()
            nursery.start_soon(_obey, signals, nursery, workers, over)
            nursery.start_soon(_live, workers, over, url)
            await over.wait()
            notify(STOPPING)
            await workers.stop(last_saves)
            nursery.cancel_scope.cancel()
    if workers.stillborn:
        raise NoWorkers("No worker has started; it has said why.")


async def run_worker(settings: Settings, number: int, listening: int, door: int, handle: int) -> None:
    """Until its parent or a signal says so, or the parent is no more. Raises as `run` does."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it is the parent's affair, and comes to all of a terminal
    line = Line(handle)
    async with trio.open_nursery() as nursery:
        stop = trio.Event()
        nursery.start_soon(stop_on_signal, stop)
        nursery.start_soon(line.listen, stop)
        await serve(settings, stop, role=AsWorker(number, listening, door, line))
        nursery.cancel_scope.cancel()


async def _live(workers: Workers, over: trio.Event, url: str) -> None:
    if await workers.start():
        logger.info("Docledger is ready: open %s", url)
        notify(READY)
        await workers.keep()
    over.set()


async def _obey(
    signals: AsyncIterator[int], nursery: trio.Nursery, workers: Workers, over: trio.Event
) -> None:
    async for number in signals:
        if number == signal.SIGHUP:
            nursery.start_soon(workers.renew)
        else:
            logger.info("%s: shutting down", signal.Signals(number).name)
            over.set()


@contextmanager
def doors() -> Iterator[Path]:
    """A folder that only our own user can enter; a path to a Unix socket must be short."""
    folder = Path(tempfile.mkdtemp(prefix="docledger-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _launch(
    command: Sequence[str], listening: socket.socket, folder: Path, number: int, line: int
) -> trio.Process:
    name = _unopened(folder, number)
    name.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(name))
        door.listen(BACKLOG)
        handles = (listening.fileno(), door.fileno(), line)
        environment = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
        return await trio.lowlevel.open_process(
            [*command, *map(str, (number, *handles))],
            pass_fds=handles,
            env=environment,
            stdin=subprocess.DEVNULL,
        )


def _opened(folder: Path, number: int) -> None:
    """From now on this number's door is the newest one's."""
    _unopened(folder, number).rename(folder / str(number))


def _unopened(folder: Path, number: int) -> Path:
    return folder / f"{number}.new"
