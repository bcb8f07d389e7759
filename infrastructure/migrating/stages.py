"""What whoever waits is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Done = Callable[[int], object]  # so many more are done


class Shown(Protocol):
    def stage(self, label: str, length: int) -> AbstractContextManager[Done]: ...


class Counted:
    """All stages as one, which tells how much is done of how much."""

    def __init__(self, told: Callable[[int, int], object]) -> None:
        self._told = told
        self._done = self._all = 0

    @contextmanager
    def stage(self, label: str, length: int) -> Iterator[Done]:
        self._all += length

        def done(count: int) -> None:
            self._done += count
            self._told(min(self._done, self._all), self._all)

        yield done
