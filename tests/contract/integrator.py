"""A tiny integrator: serves a page with an editor, serves the document, writes down every callback."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from string import Template
from typing import Any
from urllib.parse import urlsplit

import jwt

PAGE = """<!doctype html><meta charset="utf-8"><title>host</title>
<style>html,body{height:100%;margin:0}</style><div id="editor"></div>
<script src="$api"></script>
<script>
window.events = [];
const note = (name) => (event) => window.events.push([name, event && event.data]);
const config = $config;
config.events = {};
for (const name of $handled) config.events[name] = note(name);
window.editor = new DocsAPI.DocEditor("editor", config);
</script>"""
HANDLED = ["onAppReady", "onInfo", "onDocumentReady", "onDocumentStateChange", "onError", "onWarning"]


@dataclass(frozen=True)
class Received:
    """One callback: its verified claims are what counts."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    claims: dict[str, Any]

    @property
    def status(self) -> int:
        return int(self.claims["status"])


@dataclass
class Integrator:
    url: str
    secret: str
    document: bytes
    pages: dict[str, str] = field(default_factory=dict)
    callbacks: list[Received] = field(default_factory=list)
    fetches: list[dict[str, str]] = field(default_factory=list)
    answers: list[tuple[int, str]] = field(default_factory=list)  # the next replies, then always error 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def page(self, api: str, config: dict[str, Any], handled: list[str] | None = None) -> str:
        """The address of a host page for this configuration, whose token is added unless it has one."""
        config = {"token": jwt.encode(config, self.secret, algorithm="HS256"), **config}
        name = f"/page/{len(self.pages)}"
        self.pages[name] = Template(PAGE).substitute(
            api=api, config=_island(config), handled=_island(handled or HANDLED)
        )
        return self.url + name

    def received(self, key: str, status: int | None = None) -> list[Received]:
        with self.changed:
            return [
                each for each in self.callbacks if each.claims["key"] == key and status in {None, each.status}
            ]

    def wait(self, key: str, status: int, count: int = 1, timeout: float = 30) -> Received:
        """The count-th callback of this status for the key."""

        def there() -> bool:
            return len(self.received(key, status)) >= count

        with self.changed:
            assert self.changed.wait_for(there, timeout), f"no status {status}: {self.received(key)}"
            return self.received(key, status)[count - 1]

    def note(self, change: Callable[[], None]) -> None:
        with self.changed:
            change()
            self.changed.notify_all()


@contextmanager
def integrator(secret: str, document: bytes, host: str = "127.0.0.1") -> Iterator[Integrator]:
    server = ThreadingHTTPServer((host, 0), _Answering)
    server.daemon_threads = True
    ours = Integrator(f"http://{host}:{server.server_address[1]}", secret, document)
    server.integrator = ours  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield ours
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _island(value: object) -> str:
    return json.dumps(value).replace("<", "\\u003c")


class _Answering(BaseHTTPRequestHandler):
    @property
    def ours(self) -> Integrator:
        integrator: Integrator = self.server.integrator  # type: ignore[attr-defined]
        return integrator

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.startswith("/files/"):
            self.ours.note(lambda: self.ours.fetches.append({"path": self.path, **self.headers}))
            missing = "missing" in path
            self._answer(404 if missing else 200, b"" if missing else self.ours.document)
        elif path in self.ours.pages:
            self._answer(200, self.ours.pages[path].encode(), "text/html")
        else:
            self._answer(404, b"")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        claims = jwt.decode(body["token"], self.ours.secret, algorithms=["HS256"])
        received = Received(self.path, dict(self.headers), body, claims)
        self.ours.note(lambda: self.ours.callbacks.append(received))
        status, answer = self.ours.answers.pop(0) if self.ours.answers else (200, '{"error":0}')
        self._answer(status, answer.encode(), "application/json")

    def _answer(self, status: int, body: bytes, kind: str = "application/octet-stream") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_details: object) -> None:
        """Quiet: what was received is in the record."""
