"""What every engine of the tests can be put through."""

from __future__ import annotations

import signal
from abc import ABC, abstractmethod

from tests.engines.process import Process, wait_until_stopped


class Engine(ABC):
    _running: Process | None = None

    @property
    def process(self) -> Process:
        assert self._running, "it was never started"
        return self._running

    def start(self) -> None:
        """On the same port and data as before; one that runs is left alone."""
        if self._running is None or not self._running.alive:
            self._running = self._launch()
            self._running.until(self._answers)

    def stop(self) -> None:
        self.process.send(signal.SIGTERM)
        self.process.wait()

    def kill(self) -> None:
        """As when a machine dies."""
        self.process.send(signal.SIGKILL)
        self.process.wait()

    def pause(self) -> None:
        """It keeps its connections and answers nothing."""
        self.process.send(signal.SIGSTOP)
        wait_until_stopped([self.process.pid])

    def resume(self) -> None:
        self.process.send(signal.SIGCONT)

    def ensure(self) -> None:
        """Running and awake, whatever was done to it."""
        self.resume()
        self.start()

    @abstractmethod
    def _launch(self) -> Process: ...

    @abstractmethod
    def _answers(self) -> bool: ...
