"""Several parties at one object store, who take their turns request by request in an order of our choice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import md5
from threading import Semaphore, Thread, local

from obstore.store import MemoryStore

from infrastructure.object_store.objects import Found, Objects

DEADLINE = 10.0  # seconds for a turn
Choose = Callable[[Sequence[str]], str]


class Turns:
    def __init__(self) -> None:
        self._me = local()
        self._mine: dict[str, Semaphore] = {}
        self._somebody = Semaphore(0)  # waits for a turn, or has ended
        self._ended: set[str] = set()

    def wait(self) -> None:
        """For the next one; nobody waits who is no party."""
        if name := getattr(self._me, "name", ""):
            self._somebody.release()
            assert self._mine[name].acquire(timeout=DEADLINE)

    def play(
        self, parties: Mapping[str, Callable[[], None]], choose: Choose, look: Callable[[], None]
    ) -> None:
        """All of them to their ends; `look` is called after every turn."""
        self._mine = {name: Semaphore(0) for name in parties}
        threads = [Thread(target=self._take_part, args=each) for each in parties.items()]
        for thread in threads:
            thread.start()
            assert self._somebody.acquire(timeout=DEADLINE)
        while waiting := [name for name in parties if name not in self._ended]:
            self._mine[choose(waiting)].release()
            assert self._somebody.acquire(timeout=DEADLINE)
            look()
        for thread in threads:
            thread.join(DEADLINE)

    def _take_part(self, name: str, part: Callable[[], None]) -> None:
        self._me.name = name
        try:
            self.wait()
            part()
        finally:
            self._ended.add(name)
            self._somebody.release()


def every_order(play: Callable[[Choose], None]) -> int:
    """Plays until each order has been tried; how many there were."""
    untried: list[list[int]] = [[]]
    count = 0
    while untried:
        given, taken = untried.pop(), list[int]()

        def choose(waiting: Sequence[str], given: list[int] = given, taken: list[int] = taken) -> str:
            at = len(taken)
            taken.append(given[at] if at < len(given) else 0)
            if at >= len(given):
                untried.extend([*taken[:-1], other] for other in range(1, len(waiting)))
            return waiting[taken[-1]]

        play(choose)
        count += 1
    return count


class Shared(Objects):
    """In memory, with a clock that stands where we put it."""

    def __init__(self, turns: Turns, *, md5s: bool) -> None:
        """Whether its ETags are MD5s, as with S3."""
        super().__init__(MemoryStore())
        self._turns = turns
        self._md5s = md5s
        self._etags: dict[str, str] = {}
        self._changed: dict[str, datetime] = {}
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def later(self, by: timedelta) -> None:
        self.now += by

    def put(self, name: str, content: bytes) -> str:
        self._turns.wait()
        self._changed[name] = self.now
        super().put(name, content)
        self._etags[name] = md5(content, usedforsecurity=False).hexdigest() if self._md5s else "another"
        return self._etags[name]

    def find(self, name: str) -> Found | None:
        self._turns.wait()
        found = super().find(name)
        return found and self._dated(found)

    def under(self, folder: str | None = None) -> Iterator[Found]:
        self._turns.wait()
        yield from [self._dated(found) for found in super().under(folder)]

    def delete(self, names: Sequence[str]) -> None:
        for name in names:
            self._turns.wait()
            super().delete([name])

    def _dated(self, found: Found) -> Found:
        return replace(found, changed=self._changed[found.name], etag=self._etags[found.name])
