"""Another integrator that is running here, as its reader describes it; see docs/performance.md.

It is sent the same loads as we are, in the same rounds, and must be on this machine: nobody else's servers
are to be put under load, and what a network adds would not be theirs.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from dataclasses import fields as fields_of
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.benchmarks import machine
from tests.benchmarks.callbacks import SECRET
from tests.benchmarks.editing import Editing
from tests.benchmarks.rounds import PEER, Load, Side, getting

LOOPBACK = "only addresses of this machine are allowed: 127.0.0.1, [::1] or localhost"
GETS = {"config": "config", "viewer": "viewer", "file": "file_37kb"}  # a path of theirs -> our case


class Unfit(ValueError):
    """The description of a peer cannot be used; the text says why."""


@dataclass(frozen=True)
class Peer:
    """Paths begin with a slash. In `callback` and `key`, `{document}` is one of `documents`."""

    url: str
    name: str = PEER
    config: str = ""
    viewer: str = ""
    file: str = ""
    callback: str = ""
    documents: str = ""  # a pattern of what exists there, by `{number}` from 1; each is saved to
    key: str = "{document}"
    secret: str = SECRET
    headers: Mapping[str, str] = field(default_factory=dict)
    pid: int = 0  # its process, if its CPU and memory are to be told

    def __post_init__(self) -> None:
        if not _is_loopback(self.url):
            raise Unfit(f"{self.url}: {LOOPBACK}")
        if self.callback and not self.documents:
            raise Unfit("callbacks need `documents`, a pattern with {number} of what exists there")
        for path in (self.config, self.viewer, self.file, self.callback):
            if path and not path.startswith("/"):
                raise Unfit(f"{path!r} is no path: it begins with a slash")

    @property
    def missing(self) -> Iterator[str]:
        """Cases that it says nothing about."""
        yield from (case for path, case in GETS.items() if not getattr(self, path))
        if not self.callback:
            yield from ("status1", "status6")

    def side(self, server: str, folder: Path, most: int, seconds: int) -> Side:
        """What it can be given, at up to so many connections; `server` is the Document Server's url."""
        return Side(PEER, self, {**self._gets(seconds), **self._editing(server, folder, most, seconds)})

    def _gets(self, seconds: int) -> Mapping[str, Load]:
        paths = {case: path for name, case in GETS.items() if (path := getattr(self, name))}
        return {case: getting(self.url + path, seconds, self.headers) for case, path in paths.items()}

    def _editing(self, server: str, folder: Path, most: int, seconds: int) -> Mapping[str, Load]:
        if not self.callback:
            return {}
        documents = [self.documents.replace("{number}", str(number)) for number in range(1, most + 1)]
        keys = [self.key.replace("{document}", document) for document in documents]
        paths = [self.callback.replace("{document}", document) for document in documents]
        editing = Editing(
            self.url, keys, server, folder, seconds, secret=self.secret, paths=paths, headers=self.headers
        )
        return editing.loads

    def cpu(self) -> float:
        return machine.cpu_of_all(self.pid) if self.pid else float("nan")

    def peak(self) -> int:
        return machine.peak(self.pid) if self.pid else 0

    def forget_peak(self) -> None:
        if self.pid:
            machine.forget_peak(self.pid)

    def settle(self) -> None:
        """It is not known when it is done."""


def read(path: Path) -> Peer:
    """From a JSON file, or a TOML file by its name. Raises Unfit."""
    try:
        text = path.read_text()
        told = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError) as trouble:
        raise Unfit(f"{path} cannot be read: {trouble}") from trouble
    if not isinstance(told, dict):
        raise Unfit(f"{path} holds no object")
    return described(told)


def described(told: Mapping[str, Any]) -> Peer:
    """Raises Unfit."""
    known = {each.name for each in fields_of(Peer)}
    if unknown := told.keys() - known:
        raise Unfit(f"unknown: {', '.join(sorted(unknown))}; known are {', '.join(sorted(known))}")
    if "url" not in told:
        raise Unfit("its `url` is missing, as http://127.0.0.1:3000")
    wanted = {"headers": dict, "pid": int}
    for name, value in told.items():
        if not isinstance(value, kind := wanted.get(name, str)):
            raise Unfit(f"{name} is no {kind.__name__}")
    return Peer(**{**told, "url": told["url"].rstrip("/")})


def _is_loopback(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        return parts.scheme == "http" and (host == "localhost" or ip_address(host).is_loopback)
    except ValueError:
        return False
