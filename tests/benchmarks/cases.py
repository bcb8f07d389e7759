"""What is measured: each case is a load on a running Docledger, at some number of connections."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path

from tests.benchmarks import callbacks, wrk
from tests.benchmarks.docledger import Docledger
from tests.benchmarks.wrk import LoadFailed, Measured

CALLBACK = "/api/onlyoffice/callback"
MANY = 64  # connections that need twice the time to get going

Load = Callable[[int, float], Measured]  # connections, and the rate that the floor has just shown


class Cases:
    """All loads; what the callbacks claim to have stored can be checked at the end."""

    def __init__(
        self, docledger: Docledger, document_server: str, folder: Path, most: int, seconds: int
    ) -> None:
        """`most` connections will be asked for."""
        self._docledger = docledger
        self._document_server = document_server
        self._folder = folder
        self._seconds = seconds
        self._phases = (f"phase{number}" for number in count())
        self._files = [docledger.upload(f"Plan {number}") for number in range(most + 1)]
        configs = [docledger.open(file) for file in self._files]
        self._keys = [str(config["document"]["key"]) for config in configs]
        self._link = docledger.link(configs[0])
        self._told = self._stored = 0
        self._loads: Mapping[str, Load] = {
            "config": lambda connections, _: self._get(f"config/{self._files[0]}", connections),
            "viewer": lambda connections, _: self._get(f"viewer/{self._files[0]}", connections),
            "file_37kb": lambda connections, _: wrk.get(self._link, connections, seconds),
            "status1": self._presence,
            "status6": self._saves,
            "status6_one_document": self._saves_of_one,
        }

    def at(self, connections: int) -> Iterator[tuple[str, Load]]:
        """Those that differ there: one connection has one document anyway."""
        return (
            (name, load)
            for name, load in self._loads.items()
            if connections > 1 or load != self._saves_of_one
        )

    def check(self) -> None:
        """Every callback that was acknowledged is in the log. Raises LoadFailed."""
        stored = sum(self._docledger.versions(file) for file in self._files[1:]) - len(self._files[1:])
        told = sum(self._docledger.comings_and_goings(key) for key in self._keys[1:])
        if stored < self._stored or told < self._told:
            raise LoadFailed(f"acknowledged {self._stored}, {self._told}; found {stored}, {told}")

    def _get(self, path: str, connections: int) -> Measured:
        return wrk.get(f"{self._docledger.url}/api/onlyoffice/{path}", connections, self._seconds)

    def _presence(self, connections: int, floor: float) -> Measured:
        phase, keys = next(self._phases), self._keys[1 : connections + 1]
        each = round(floor * self._seconds / connections) + 10
        measured = self._post(phase, [callbacks.presence(key, phase, each) for key in keys], self._seconds)
        self._told += measured.requests
        return measured

    def _saves(self, connections: int, floor: float) -> Measured:
        return self._save(self._keys[1 : connections + 1], floor)

    def _saves_of_one(self, connections: int, floor: float) -> Measured:
        return self._save(self._keys[1:2] * connections, floor)

    def _save(self, keys: list[str], floor: float) -> Measured:
        """As many callbacks are prepared as the floor could take."""
        phase, seconds = next(self._phases), self._seconds * (2 if len(keys) >= MANY else 1)
        each = round(floor * seconds / len(keys)) + 10
        lines = [
            callbacks.saves(key, self._document_server, f"{phase}_{number}", each)
            for number, key in enumerate(keys)
        ]
        measured = self._post(phase, lines, seconds)
        self._stored += measured.requests
        return measured

    def _post(self, phase: str, connections: Sequence[Iterable[str]], seconds: int) -> Measured:
        """No callback twice: what was heard before would be answered without any work."""
        folder = callbacks.written(self._folder / phase, connections)
        return wrk.post(self._docledger.url + CALLBACK, folder, len(connections), seconds)
