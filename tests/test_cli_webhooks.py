"""Webhooks of a service that is killed and started again, and `docledger webhooks` as it is typed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from tests.databases import Place, variables
from tests.service import Service, eventually, running

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
FILES = Path(__file__).parent / "files"


class Receiver:
    """Verifies what comes with the specification's own library; `answer` is asked for each status."""

    def __init__(self) -> None:
        self.url = ""
        self.taken: list[tuple[str, dict[str, Any]]] = []
        self.tried = 0
        self.answer: Callable[[], int] = lambda: 204

    def told(self) -> list[str]:
        return [f"{message['type']} {message['data'].get('file_name', '')}" for _, message in self.taken]


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            message = Webhook(SECRET).verify(body, dict(self.headers.items()))
            receiver.tried += 1
            status = receiver.answer()
            if status == 204:
                receiver.taken.append((self.headers["webhook-id"], message))
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def add(service: Service, name: str) -> None:
    given = {"file": (name, b"The words.\n")}
    assert service.client.post("/api/files", files=given).status_code == 201


def test_a_kill_between_a_delivery_and_its_place_costs_a_repeat_and_nothing_else(
    tmp_path: Path, place: Place, receiver: Receiver
) -> None:
    given = {"WEBHOOK_URLS": receiver.url, "WEBHOOK_SECRET": SECRET}
    with running(tmp_path, **given, **variables(place)) as service:
        add(service, "one.txt")
        eventually(lambda: receiver.taken, "the first is told")

        def kill() -> int:
            service.kill()  # it has been told, and nobody will hear that
            return 204

        receiver.answer = kill
        add(service, "two.txt")
        eventually(lambda: len(receiver.taken) == 2, "the second is told")
        receiver.answer = lambda: 204
        service.start()
        add(service, "three.txt")
        eventually(lambda: "document.saved three.txt" in receiver.told(), "the third is told")
    told = list(dict.fromkeys(receiver.told()))
    assert told == ["document.saved one.txt", "document.saved two.txt", "document.saved three.txt"]
    ids = [id_ for id_, _ in receiver.taken]
    assert len(set(ids)) == 3
    assert ids.count(ids[1]) == 2
    assert "document.saved Welcome.docx" not in told, "what was before the first start with it is not told"


def test_two_receivers_stand_where_each_has_come_to(tmp_path: Path, place: Place, receiver: Receiver) -> None:
    with receiving() as down:
        down.answer = lambda: 500
        urls = f"{receiver.url},{down.url}"
        with running(tmp_path, WEBHOOK_URLS=urls, WEBHOOK_SECRET=SECRET, **variables(place)) as service:
            add(service, "one.txt")
            add(service, "two.txt")
            eventually(lambda: len(receiver.taken) == 2 and down.tried > 1, "one takes, one refuses")
            done = service.command("webhooks", "--json")
            rows = {row["url"]: row for row in json.loads(done.stdout)["webhooks"]}
            assert done.returncode == 1
            assert rows[receiver.url]["behind"] == 0
            assert rows[down.url]["trouble"] == "HTTP 500"
            assert rows[down.url]["attempts"] > 1
            down.answer = lambda: 204
            eventually(lambda: len(down.taken) == 2, "it is told all when it is back")
            eventually(lambda: "failing" not in service.command("webhooks").stdout, "and that is known")
        assert down.told() == receiver.told()


def test_a_ping_says_who_takes_it(tmp_path: Path, receiver: Receiver) -> None:
    service = Service(tmp_path, WEBHOOK_URLS=receiver.url, WEBHOOK_SECRET=SECRET)
    done = service.command("webhooks", "--ping")
    assert (done.returncode, done.stdout) == (0, f"{receiver.url}: took the test event\n")
    assert receiver.told() == ["docledger.ping "]
    receiver.answer = lambda: 403
    done = service.command("webhooks", "--ping")
    assert (done.returncode, done.stdout) == (1, f"{receiver.url}: failing: HTTP 403\n")


def test_without_receivers_it_says_so(tmp_path: Path, place: Place) -> None:
    service = Service(tmp_path, **variables(place))
    done = service.command("webhooks", "--ping")
    assert done.returncode == 1
    assert "there is nobody to ping" in done.stderr
    done = service.command("webhooks")
    assert done.returncode == 1
    assert ("holds no log" if isinstance(place, str) else "There is no log at") in done.stderr
    assert service.command("import", str(FILES / "letter.odt")).returncode == 0
    assert "Nobody is told of anything" in service.command("webhooks").stdout
