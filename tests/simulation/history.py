"""What a history is made of, and how Hypothesis draws one.

A step is a plain tuple, so that what Hypothesis prints can be pasted: what, its details, and the
seconds until the next step. All is read from one string of bytes: Hypothesis draws that in no time,
makes no near copies of it, and shrinks it to zeros, which mean the simplest or nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from hypothesis import strategies as st

from tests.simulation.troubles import KINDS

T = TypeVar("T")
Step = tuple[Any, ...]

FILES = 2
MOST = 24  # steps, or mishaps of several
WIDTH = 18  # bytes for each
PAUSES = (0.0, 0.0, 0.3, 1.0, 4.0, 7.0, 0.0, 0.3, 1.0, 4.0, 7.0, 31.0, 31.0, 130.0, 950.0)
SHORT = (0.0, 0.3, 2.0, 9.0, 40.0, 200.0, 950.0)
WAITS = (20.0, 1000.0, 4000.0)
SKEWS = (0, 300, -300, 4000, -4000)
MOMENTS = ("now", "callback", "download", "append", "appended", "reply", "command")
USERS = (0, 0, 0, 1, 1, 2)
PLACES = (0, 0, 0, 0, 1)
OFTEN = (("journal", "down"), ("journal", "down"), ("journal", "after"), ("blobs", "down"))
TROUBLES = (*((where, kind) for where, kinds in KINDS.items() for kind in kinds), *OFTEN)
WEIGHTS = {
    "": 55, "type": 36, "leave": 10, "trouble": 9, "mishap": 12, "kill": 6, "save": 5, "vanish": 3, "nap": 4,
    "view": 1, "upload": 2, "restore": 2, "wait": 4, "stop": 1, "shut": 1, "crash": 4, "clock": 1,
}  # fmt: skip
WHAT = [what for what, weight in WEIGHTS.items() for _ in range(weight)]
# With several nodes a stop is that of one of them, and nobody is sent out for it.
AMONG_NODES = [*(what for what in WHAT if what != "shut"), *["kill"] * 6, *["pause"] * 6, *["move"] * 8]
PAUSED = (3.0, 12.0, 12.0, 40.0, 70.0, 150.0)


class History(NamedTuple):
    seed: int  # of Trio's scheduler
    policy: str
    steps: list[Step]
    office_xml: bool = False  # the server gives docx for a text, and has to convert it back
    nodes: int = 1


def read(drawn: bytes, what: Sequence[str] = WHAT, nodes: int = 1) -> History:
    records = (drawn[start : start + WIDTH] for start in range(3, len(drawn), WIDTH))
    steps = [step for record in records for step in Reader(record, what).steps()]
    return History(int.from_bytes(drawn[:2]), ("always", "durable")[drawn[2] % 2], steps, nodes=nodes)


def read_among_nodes(drawn: bytes) -> History:
    return read(drawn, AMONG_NODES, 2 + drawn[2] // 2 % 2)


class Reader:
    def __init__(self, record: bytes, what: Sequence[str]) -> None:
        self._bytes, self._what = iter(record), what

    def pick(self, options: Sequence[T]) -> T:
        return options[next(self._bytes, 0) % len(options)]

    def steps(self) -> Iterator[Step]:
        what = self.pick(self._what)
        if what == "mishap":
            yield from self.mishap()
        elif what:
            yield self.step(what)

    def step(self, what: str) -> Step:
        match what:
            case "trouble":
                details = (self.pick(TROUBLES), self.pick(range(1, 6)), self.pick(SHORT))
                return (what, *details, self.pick((0.0, 0.0, 1.0)))
            case "kill":
                return (what, self.pick(MOMENTS), self.pick(range(26)), self.pick(SHORT), self.pick(PAUSES))
            case "stop" | "shut" | "crash":
                return (what, self.pick(SHORT), self.pick(PAUSES))
            case "wait":
                return (what, self.pick(WAITS))
            case "pause":
                return (what, self.pick(PAUSED), self.pick(PAUSES))
            case "move":
                return (what, self.pick(PAUSES))
            case "clock":
                return (what, self.pick(SKEWS), 0.0)
            case "restore":
                return (what, self.pick(range(4)), self.pick(PLACES), self.pick(PAUSES))
        return (what, self.pick(USERS), self.pick(PLACES), self.pick(PAUSES))

    def mishap(self) -> Iterator[Step]:
        """Something is typed, and while it is to be saved something goes wrong, or several things do."""
        user, file = self.pick(USERS), self.pick(PLACES)
        yield ("type", user, file, self.pick((0.3, 31.0)))
        for _ in range(self.pick((1, 1, 2))):
            yield self.step("trouble")
        yield (self.pick(("leave", "save", "vanish", "type")), user, file, self.pick(PAUSES))
        if self.pick((False, True)):
            yield self.step("kill")


SIZE = 3 + MOST * WIDTH
drawn = st.binary(min_size=SIZE, max_size=SIZE)
histories = drawn.map(read)
among_nodes = drawn.map(read_among_nodes)
