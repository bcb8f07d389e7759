"""What is measured over HTTP: loads on a running Docledger, and those that somebody else can take as well."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.benchmarks import wrk
from tests.benchmarks.biglog import Landmarks
from tests.benchmarks.docledger import Docledger
from tests.benchmarks.editing import Editing
from tests.benchmarks.rounds import Load, getting
from tests.benchmarks.wrk import LoadFailed

CALLBACK = "/api/onlyoffice/callback"
MB = 1_000_000
LARGE = {"file_1mb": MB, "file_100mb": 100 * MB}  # bytes
RANGE = "range_of_100mb"
PART = {"Range": f"bytes={50 * MB}-{51 * MB - 1}"}  # of a megabyte

# Where a case is not measured at every number of connections, because it would tell nothing more there.
ONLY_AT: Mapping[str, Sequence[int]] = {
    "files": (16,),
    "audit_file": (16,),
    "audit_session": (16,),
    "audit_log": (16,),
    "status6_one_document": (16, 64),
    "file_1mb": (16,),
    "file_100mb": (1, 16),
    RANGE: (16,),
}


class Edited:
    """Documents that people edit; what the callbacks claim to have stored can be checked at the end."""

    def __init__(self, docledger: Docledger, server: str, folder: Path, count: int, seconds: int) -> None:
        """`server` is the Document Server's url; each load takes so many seconds."""
        self._docledger = docledger
        self._files = [docledger.upload(f"Plan {number}") for number in range(count)]
        self.keys = [str(docledger.open(file)["document"]["key"]) for file in self._files]
        self._editing = Editing(docledger.url + CALLBACK, self.keys, server, folder, seconds)
        self.loads = self._editing.loads

    def check(self) -> None:
        """Every callback that was acknowledged is in the log. Raises LoadFailed."""
        told, stored = self._editing.told, self._editing.stored
        versions = sum(self._docledger.versions(file) for file in self._files) - len(self._files)
        facts = sum(self._docledger.comings_and_goings(key) for key in self.keys)
        if versions < stored or facts < told:
            raise LoadFailed(f"acknowledged {stored}, {told}; found {versions}, {facts}")


def reading(docledger: Docledger, log: Landmarks, folder: Path, seconds: int) -> Mapping[str, Load]:
    """What changes nothing; the files of `write_large` are in the folder."""

    def get(path: str) -> Load:
        return getting(docledger.url + path, seconds)

    file = docledger.upload("Read by everybody")
    link = docledger.link(docledger.open(file))
    texts = {name: docledger.upload_text((folder / name).read_bytes()) for name in LARGE}
    links = {name: docledger.link(docledger.open(text)) for name, text in texts.items()}
    return {
        "config": get(f"/api/onlyoffice/config/{file}"),
        "viewer": get(f"/api/onlyoffice/viewer/{file}"),
        "file_37kb": getting(link, seconds),
        **large(links, seconds),
        "files": get("/api/files"),
        "audit_file": get(f"/api/files/{log.hot[0]}/events"),
        "audit_session": get(f"/api/documents/{log.long}/events?limit=100"),
        "audit_log": get("/api/audit"),
    }


def plan(cases: Sequence[str], connections: Sequence[int]) -> dict[str, list[int]]:
    """At which of these numbers of connections each case is measured."""
    return {
        case: [number for number in connections if number in ONLY_AT.get(case, connections)] for case in cases
    }


def large(links: Mapping[str, str], seconds: int) -> Mapping[str, Load]:
    """Files of 1 MB and 100 MB from beginning to end, and ranges of a megabyte of the latter."""

    def whole(name: str) -> Load:
        return lambda connections, _: wrk.flow(links[name], LARGE[name], connections, seconds)

    ranges: Load = lambda connections, _: wrk.flow(links["file_100mb"], MB, connections, seconds, **PART)  # noqa: E731
    return {**{name: whole(name) for name in LARGE}, RANGE: ranges}


def write_large(folder: Path) -> None:
    """Texts that no file system can compress."""
    for name, size in LARGE.items():
        (folder / name).write_text(secrets.token_hex(size // 2))
