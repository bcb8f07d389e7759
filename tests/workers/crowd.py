"""Many who ask again and again until the block ends, each in a thread of their own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from threading import Event, Thread
from typing import Self


class Crowd(ABC):
    def __init__(self, size: int, pause: float) -> None:
        """`pause` is in seconds, between two questions of one of them."""
        self._pause = pause
        self._over = Event()
        self._threads = [Thread(target=self._go_on) for _ in range(size)]

    @abstractmethod
    def ask(self) -> None: ...

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _go_on(self) -> None:
        while not self._over.wait(self._pause):
            self.ask()
