"""Runs a history in Trio on the mock clock: the same seed, the same order of every step of every task."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import trio
from trio.testing import MockClock

from tests.simulation.history import History
from tests.simulation.play import Play

TURNS = 5000  # of the scheduler's loop within a second: something spins
LOGGERS = ("application", "infrastructure", "simulation", "web")


class Patrol(trio.abc.Instrument):
    """Notices when the scheduler turns and turns and time does not pass."""

    def __init__(self) -> None:
        self.turns = 0
        self.looked = -1.0
        self.scope = trio.CancelScope()
        self.spun = False

    def before_io_wait(self, timeout: float) -> None:
        self.turns += 1
        if self.turns % TURNS == 0:
            now = trio.current_time()
            self.spun = now - self.looked < 1
            self.looked = now
            if self.spun:
                self.scope.cancel()


def staged(history: History) -> Play:
    """Played to its end, with everything in `faults` that must not be."""
    played = Play(history.policy, office_xml=history.office_xml, nodes=history.nodes, seed=history.seed)
    patrol = Patrol()

    async def scenario() -> None:
        with patrol.scope:
            await played.run(history.steps)

    trio._core._run._r.seed(history.seed)  # type: ignore[attr-defined]
    with _crashes_of_actors() as crashes:
        trio.run(scenario, clock=MockClock(autojump_threshold=0), instruments=[patrol])
    spins = ["something spins"] if patrol.spun else []
    played.faults = [*spins, *crashes, *played.faults]
    return played


def play(history: History) -> Play:
    """Raises AssertionError with everything that must not be."""
    played = staged(history)
    assert not played.faults, "\n".join(played.faults)
    return played


class _Crashes(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.seen.append(logging.Formatter().format(record))


@contextmanager
def _crashes_of_actors() -> Iterator[list[str]]:
    """What is logged with a traceback is a crash that somebody has survived."""
    crashes = _Crashes()
    loggers = [logging.getLogger(name) for name in LOGGERS]
    for logger in loggers:
        logger.addHandler(crashes)
        logger.propagate, logger.level = False, logging.ERROR
    try:
        yield crashes.seen
    finally:
        for logger in loggers:
            logger.removeHandler(crashes)
            logger.propagate, logger.level = True, logging.NOTSET
