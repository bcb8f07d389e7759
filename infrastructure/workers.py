"""Several processes that serve one port: started, watched, renewed and ended by a parent that serves none."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import trio

from infrastructure.line import BYTES, DRAINED, LEAVE, READY

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Timings:
    """In seconds."""

    grace: float  # for what is unsaved
    cut: float  # from there to a worker's end
    starting: float = 900.0  # an old log is upgraded
    first_pause: float = 0.5  # before a worker that died is started again
    longest_pause: float = 30.0
    settled: float = 60.0  # whoever lived so long has not died of his birth


@dataclass(eq=False, slots=True)
class Worker:
    number: int
    process: trio.Process
    line: trio.SocketStream
    ready: bool = False
    begun: trio.Event = field(default_factory=trio.Event)  # it is ready, or over
    drained: trio.Event = field(default_factory=trio.Event)  # or over
    over: trio.Event = field(default_factory=trio.Event)

    def __str__(self) -> str:
        return f"worker {self.number} (process {self.process.pid})"

    async def live(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._hear)
            await self.process.wait()
            nursery.cancel_scope.cancel()
        await self.hang_up()
        for event in (self.begun, self.drained, self.over):
            event.set()

    async def _hear(self) -> None:
        said = b""
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while chunk := await self.line.receive_some(BYTES):
                said += chunk
                if READY in said:
                    self.ready = True
                    self.begun.set()
                if DRAINED in said:
                    self.drained.set()

    async def ask_to_leave(self) -> None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await self.line.send_all(LEAVE)

    async def hang_up(self) -> None:
        await trio.aclose_forcefully(self.line)

    def signal(self, number: signal.Signals) -> None:
        if self.process.returncode is None:
            self.process.send_signal(number)


Launch = Callable[[int, int], Awaitable[trio.Process]]  # of a worker with that number and end of the line
Took = Callable[[int], None]  # the worker of that number is another one now


class Workers:
    """Each has a number, from 1, and another one in its place when it dies."""

    def __init__(
        self, nursery: trio.Nursery, count: int, launch: Launch, took: Took, timings: Timings
    ) -> None:
        self._nursery = nursery
        self._numbers = range(1, count + 1)
        self._launch = launch
        self._took = took
        self._timings = timings
        self._alive: set[Worker] = set()
        self._placed: dict[int, Worker] = {}
        self._places = {number: trio.Lock() for number in self._numbers}
        self._stopping = False
        self.stillborn = False  # one of the first ended before it was ready

    async def start(self) -> bool:
        """Whether all came to be ready; the first alone, so that what is done once is done once."""
        for numbers in (self._numbers[:1], self._numbers[1:]):
            async with trio.open_nursery() as nursery:
                for number in numbers:
                    nursery.start_soon(self._in_place, number)
            self.stillborn = len(self._placed) < numbers.stop - 1 and not self._stopping
            if self.stillborn or self._stopping:
                return False
        return True

    async def keep(self) -> None:
        """For ever: each that dies is started again."""
        async with trio.open_nursery() as nursery:
            for number in self._numbers:
                nursery.start_soon(self._keep, number)

    async def renew(self) -> None:
        """One after the other; each listens before its predecessor is told to leave."""
        for number in self._numbers:
            if not await self._in_place(number):
                if not self._stopping:
                    logger.error("a new worker %d does not start: those that are there go on", number)
                return
        logger.info("all workers are new")

    async def stop(self, last_saves: Callable[[], Awaitable[None]]) -> None:
        """All of them; `last_saves` is while they still take callbacks."""
        self._stopping = True
        for worker in self._alive:
            worker.signal(signal.SIGTERM)
        with trio.move_on_after(self._timings.grace):
            for worker in [*self._alive]:
                await worker.drained.wait()
        await last_saves()
        async with trio.open_nursery() as nursery:
            for worker in self._alive:
                nursery.start_soon(self._end, worker)

    async def _keep(self, number: int) -> None:
        pause = self._timings.first_pause
        while not self._stopping:
            worker, began = self._placed.get(number), trio.current_time()
            if worker:
                await worker.over.wait()
                if self._stopping or self._placed.get(number) is not worker:
                    continue
                del self._placed[number]
                _lament(worker)
                if trio.current_time() - began > self._timings.settled:
                    pause = self._timings.first_pause
            await trio.sleep(pause)
            pause = min(2 * pause, self._timings.longest_pause)
            if number not in self._placed and not await self._in_place(number) and not self._stopping:
                logger.error("worker %d does not start; another attempt in %g s", number, pause)

    async def _in_place(self, number: int) -> bool:
        async with self._places[number]:
            return await self._bring_up(number)

    async def _bring_up(self, number: int) -> bool:
        """Whether it came to be ready; then it has the number's place, and who had it leaves."""
        if self._stopping:
            return False
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = await self._launch(number, theirs.fileno())
        except OSError as trouble:
            ours.close()
            logger.error("no process for worker %d: %s", number, trouble)
            return False
        worker = Worker(number, process, trio.SocketStream(trio.socket.from_stdlib_socket(ours)))
        self._alive.add(worker)
        if self._stopping:
            worker.signal(signal.SIGTERM)
        self._nursery.start_soon(self._live, worker)
        with trio.move_on_after(self._timings.starting):
            await worker.begun.wait()
        if not worker.ready or worker.over.is_set():
            worker.signal(signal.SIGKILL)
            return False
        before, self._placed[number] = self._placed.get(number), worker
        self._took(number)
        logger.info("%s is ready", worker)
        if before and not before.over.is_set():
            await self._dismiss(before)
        return True

    async def _live(self, worker: Worker) -> None:
        await worker.live()
        self._alive.discard(worker)

    async def _dismiss(self, worker: Worker) -> None:
        await worker.ask_to_leave()
        with trio.move_on_after(self._timings.grace):
            await worker.drained.wait()
        await self._end(worker)

    async def _end(self, worker: Worker) -> None:
        await worker.hang_up()
        with trio.move_on_after(self._timings.cut):
            await worker.over.wait()
        if not worker.over.is_set():
            logger.error("%s took too long to end, and was killed", worker)
            worker.signal(signal.SIGKILL)
            await worker.over.wait()


def _lament(worker: Worker) -> None:
    code = worker.process.returncode or 0
    how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
    logger.error("%s has ended %s, and is started again", worker, how)
