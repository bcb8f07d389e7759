"""Callbacks as loads: people come and go, and what they type is saved; each connection has a document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from tests.benchmarks import callbacks, wrk
from tests.benchmarks.callbacks import SECRET
from tests.benchmarks.rounds import Load
from tests.benchmarks.wrk import Measured

MANY = 64  # connections that need twice the time to get going


@dataclass
class Editing:
    """`told` and `stored` are what was acknowledged."""

    url: str
    keys: Sequence[str]
    server: str  # the Document Server's url
    folder: Path
    seconds: int
    secret: str = SECRET
    paths: Sequence[str] = ()  # of each document, where they differ
    headers: Mapping[str, str] = field(default_factory=dict)
    ahead: float = 3.0  # of the floor: how many callbacks are prepared for whoever may be faster
    told: int = 0
    stored: int = 0

    def __post_init__(self) -> None:
        self._phases = (f"phase{number}" for number in count())

    @property
    def loads(self) -> Mapping[str, Load]:
        return {"status1": self._presence, "status6": self._saves, "status6_one_document": self._saves_of_one}

    def _presence(self, connections: int, floor: float) -> Measured:
        phase, each = next(self._phases), round(self.ahead * floor * self.seconds / connections) + 10
        lines = [callbacks.presence(key, phase, each, self.secret) for key in self.keys[:connections]]
        measured = self._post(phase, lines, self.paths[:connections], self.seconds)
        self.told += round(measured.requests)
        return measured

    def _saves(self, connections: int, floor: float) -> Measured:
        return self._save(self.keys[:connections], self.paths[:connections], floor)

    def _saves_of_one(self, connections: int, floor: float) -> Measured:
        return self._save([*self.keys[:1]] * connections, [*self.paths[:1]] * connections, floor)

    def _save(self, keys: Sequence[str], paths: Sequence[str], floor: float) -> Measured:
        """As many callbacks are prepared as the floor could take."""
        phase, seconds = next(self._phases), self.seconds * (2 if len(keys) >= MANY else 1)
        each = round(floor * seconds / len(keys)) + 10
        lines = [
            callbacks.saves(key, self.server, f"{phase}_{number}", each, self.secret)
            for number, key in enumerate(keys)
        ]
        measured = self._post(phase, lines, paths, seconds)
        self.stored += round(measured.requests)
        return measured

    def _post(
        self, phase: str, lines: Sequence[Iterable[str]], paths: Sequence[str], seconds: int
    ) -> Measured:
        """No callback twice: what was heard before would be answered without any work."""
        folder = callbacks.written(self.folder / phase, lines, paths)
        return wrk.post(self.url, folder, len(lines), seconds, self.headers)
