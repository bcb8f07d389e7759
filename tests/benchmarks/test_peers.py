"""Other integrators are described, refused where they are not on this machine, and sent the same loads."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from tests.benchmarks import peers, tables, wrk
from tests.benchmarks.peers import Peer, Unfit, described
from tests.benchmarks.rounds import FLOOR, OURS, PEER, Results, Side, figures, getting, measure

SECRET = "what this peer shares with its Document Server"
SERVER = "http://127.0.0.1:9"  # whence the results are said to come; this peer does not look


class Fake(ThreadingHTTPServer):
    """What it was asked for, and what it was told by whom."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.asked: Counter[str] = Counter()
        self.told: list[tuple[str, dict[str, Any]]] = []


class Answers(BaseHTTPRequestHandler):
    """As ONLYOFFICE's examples: paths with file names in the query, and callbacks that must be signed."""

    protocol_version = "HTTP/1.1"
    server: Fake

    def do_GET(self) -> None:
        self.server.asked[self.path] += self.headers["Cookie"] == "someone=signed-in"
        self._answer(b"A page.")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        claims = jwt.decode(body["token"], SECRET, ["HS256"])
        document = parse_qs(urlsplit(self.path).query)["filename"][0]
        self.server.told.append((document, claims))
        self._answer(b'{"error": 0}\n')

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the library's name)
        """Not on the tests' output."""

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def fake() -> Iterator[tuple[Fake, str]]:
    with Fake() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "url",
    [
        "http://192.168.1.7:3000",
        "http://office.example.com",
        "http://127.0.0.1.example.com",
        "http://localhost@office.example.com",
        "https://127.0.0.1:3000",
        "http://[2001:db8::1]",
        "127.0.0.1:3000",
        "",
    ],
)
def test_nobody_elses_servers_are_put_under_load(url: str) -> None:
    with pytest.raises(Unfit, match="only addresses of this machine are allowed"):
        described({"url": url})


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:3000", "http://127.3.2.1", "http://[::1]:8", "http://localhost:3/"]
)
def test_this_machine_has_several_names(url: str) -> None:
    assert described({"url": url}).url == url.rstrip("/")


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({}, "`url` is missing"),
        ({"url": "http://127.0.0.1", "confg": "/"}, "unknown: confg; known are callback, config"),
        ({"url": "http://127.0.0.1", "config": 7}, "config is no str"),
        ({"url": "http://127.0.0.1", "headers": "Cookie: x"}, "headers is no dict"),
        ({"url": "http://127.0.0.1", "config": "editor"}, "'editor' is no path"),
        ({"url": "http://127.0.0.1", "callback": "/track"}, "callbacks need `documents`"),
    ],
)
def test_a_description_that_cannot_be_used_says_why(told: dict[str, Any], why: str) -> None:
    with pytest.raises(Unfit, match=why):
        described(told)


def test_a_description_is_json_or_toml(tmp_path: Path) -> None:
    (tmp_path / "peer.json").write_text('{"url": "http://127.0.0.1:3000", "headers": {"Cookie": "a=b"}}')
    (tmp_path / "peer.toml").write_text('url = "http://127.0.0.1:3000"\nheaders = {Cookie = "a=b"}\n')
    assert peers.read(tmp_path / "peer.json") == peers.read(tmp_path / "peer.toml")
    (tmp_path / "none.json").write_text("[]")
    for path in ("none.json", "peer.yaml"):
        with pytest.raises(Unfit):
            peers.read(tmp_path / path)


@pytest.mark.skipif(not wrk.installed(), reason="wrk is not installed (Debian: apt install wrk)")
def test_a_peer_is_sent_the_same_loads_in_the_same_rounds(tmp_path: Path) -> None:
    with fake() as (server, url):
        peer = Peer(
            url=url,
            config="/editor?fileName=new.docx",
            callback="/track?filename={document}&useraddress=127.0.0.1",
            documents="new ({number}).docx".replace(" ", "%20"),
            secret=SECRET,
            headers={"Cookie": "someone=signed-in"},
        )
        theirs = peer.side(SERVER, tmp_path, most=2, seconds=1)
        floor = Side(FLOOR, peer, {FLOOR: getting(f"{url}/", 1)})
        ours = Side(OURS, peer, {"config": getting(f"{url}/config", 1)})
        results = Results()
        plan = {"config": [1], "viewer": [1], "status1": [2], "status6": [2]}
        measure(floor, [ours, theirs], plan, results)
    assert not results.failures
    assert server.asked["/editor?fileName=new.docx"] > 0
    statuses = {(document, claims["status"], claims["key"]) for document, claims in server.told}
    assert statuses == {(f"new ({n}).docx", status, f"new%20({n}).docx") for n in (1, 2) for status in (1, 6)}
    told = dict(figures(results))
    assert told["peer_config_c1"] > 0
    assert told["config_c1_times_peer"] == pytest.approx(told["config_c1"] / told["peer_config_c1"])
    assert {"peer_status1_c2", "peer_status6_c2"} <= told.keys()
    assert [*peer.missing] == ["viewer", "file_37kb"]
    assert "| config | " in tables.markdown(told)


@pytest.mark.skipif(not wrk.installed(), reason="wrk is not installed (Debian: apt install wrk)")
def test_a_callback_that_is_answered_otherwise_is_told_as_a_failure(tmp_path: Path) -> None:
    with fake() as (_, url):
        peer = Peer(url=url, callback="/track?filename={document}", documents="x", secret="another secret")
        floor = Side(FLOOR, peer, {FLOOR: getting(f"{url}/", 1)})
        results = Results()
        measure(floor, [peer.side(SERVER, tmp_path, most=1, seconds=1)], {"status1": [1]}, results)
    assert [(point.side, point.case) for point in results.failures] == [(PEER, "status1")]


def test_tables_are_made_of_what_was_told() -> None:
    told: dict[str, float | str] = {
        "floor_c1_per_s": 900.0,
        "config_c1": 0.7512,
        "config_c16": 0.8,
        "config_c1_cpu_us": 1234.5,
        "file_1mb_c16_times_stock": 4.2,
        "file_1mb_c16_mb_per_s": 800,
        "sse_p50_ms": 3.25,
        "open_at_rest_kb_each": 2,
        "skipped_facts_postgres": "PostgreSQL is not installed",
    }
    assert tables.markdown(told) == (
        "### Targets\n\n|  | target | here |  |\n| --- | ---: | ---: | ---: |\n"
        "| configuration, 16 connections, times the floor | ≥ 0.75 | 0.8 | met |\n"
        "| file of 1 MB, 16 connections, times Starlette's FileResponse | ≥ 4 | 4.2 | met |\n"
        "| with the floor lowered: configuration | ≥ 1.3 | 0.8 | **missed** |\n"
        "| open documents: KB of memory for each at rest | ≤ 1 | 2 | **missed** |\n\n"
        "### Times the floor\n\n|  | 1 | 16 |\n| --- | ---: | ---: |\n| config | 0.751 | 0.8 |\n\n"
        "### CPU µs for each request\n\n|  | 1 |\n| --- | ---: |\n| config | 1 234 |\n\n"
        "### Large files\n\n"
        "|  | connections | MB/s | Starlette's MB/s | times | CPU µs | Starlette's CPU µs |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n| file 1mb | 16 | 800 |  | 4.2 |  |  |\n\n"
        "### Everything else\n\n|  |  |\n| --- | ---: |\n| sse p50 ms | 3.25 |\n"
        "| open at rest kb each | 2 |\n"
        "| skipped facts postgres | PostgreSQL is not installed |"
    )


def test_tables_are_put_into_a_page_again_and_again(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"Before.\n\n{tables.BEGIN}\nold\n{tables.END}\n\nAfter.\n")
    for made in ("one", "two"):
        tables.put(page, made)
        assert page.read_text() == f"Before.\n\n{tables.BEGIN}\n\n{made}\n\n{tables.END}\n\nAfter.\n"
    page.write_text("No marks.")
    with pytest.raises(ValueError, match="the last run"):
        tables.put(page, "one")
