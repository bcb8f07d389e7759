"""Docledger as it is measured: `docledger serve` in demo mode on a new data folder, without rate limit."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.benchmarks.callbacks import SECRET
from tests.benchmarks.processes import Server, running
from tests.benchmarks.words import word
from tests.ports import free_port

NOBODY = "http://127.0.0.1:9"  # a Document Server that is never asked
SERVE = [sys.executable, "-c", "from web.cli import main; main()", "serve"]


class Docledger:
    def __init__(self, server: Server, http: httpx.Client) -> None:
        self.server = server
        self._http = http
        self.url = server.url

    def upload(self, name: str) -> str:
        """A new file's id."""
        return self._upload(f"{name}.docx", word(name))

    def upload_text(self, text: bytes) -> str:
        """A new file's id."""
        return self._upload("Notes.txt", text)

    def open(self, file: str) -> dict[str, Any]:
        """The editor's configuration; the file is open from now on."""
        return dict(self._json(f"/api/onlyoffice/config/{file}")["config"])

    def link(self, config: dict[str, Any]) -> str:
        """The signed link to the file's bytes, checked once."""
        url = urlsplit(config["document"]["url"])
        target = f"{url.path}?{url.query}"
        with self._http.stream("GET", target) as answer:
            assert answer.is_success
        return self.url + target

    def versions(self, file: str) -> int:
        return len(self._json(f"/api/files/{file}/versions")["versions"])

    def comings_and_goings(self, key: str) -> int:
        """How many facts about presence are recorded."""
        count, path = 0, f"/api/documents/{key}/events?type=Joined,Left&limit=500"
        while path:
            page = self._json(path)
            count, path = count + len(page["events"]), page["next"]
        return count

    def _upload(self, name: str, content: bytes) -> str:
        added = self._http.post("/api/files", files={"file": (name, content)})
        return str(added.raise_for_status().json()["id"])

    def _json(self, path: str) -> dict[str, Any]:
        return dict(self._http.get(path).raise_for_status().json())


@contextmanager
def docledger(folder: Path, document_server: str, **settings: str) -> Iterator[Docledger]:
    """On a data folder of its own, which is new."""
    with node(folder, document_server, "docledger", SERVE, None, **settings) as server, asked(server) as ours:
        yield ours


@contextmanager
def node(
    folder: Path,
    document_server: str,
    name: str = "docledger",
    command: Sequence[str] = SERVE,
    port: int | None = None,
    **settings: str,
) -> Iterator[Server]:
    """A callback is answered with `error` 0 only for what is stored; auto-save stays out of the way."""
    data, port = folder / ("data" if name == "docledger" else name), port or free_port()
    data.mkdir(exist_ok=True)
    ours = {
        "PORT": str(port),
        "DATA_DIR": str(data),
        "DOCUMENT_SERVER_URL": document_server,
        "DOCUMENT_SERVER_SECRET": SECRET,
        "RATE_LIMIT": "off",
        "CALLBACK_LIMIT": "off",
        "CALLBACK_REPLY": "durable",
        "AUTOSAVE_SECONDS": "86400",
        "GRACE_SECONDS": "1",
        **settings,
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DOCLEDGER_")}
    environment |= {f"DOCLEDGER_{name}": value for name, value in ours.items()}
    with running(
        name, command, folder, port=port, answers="/healthz", environment=environment, cwd=folder
    ) as server:
        yield server


@contextmanager
def asked(server: Server) -> Iterator[Docledger]:
    """Through the API; the server may also be one before several nodes."""
    with httpx.Client(base_url=server.url, trust_env=False, timeout=60) as http:
        yield Docledger(server, http)
