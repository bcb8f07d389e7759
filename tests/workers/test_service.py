"""`docledger serve` with several workers on a real PostgreSQL, as its users and its operator meet it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import sleep
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.engines.postgres import Postgres
from tests.ports import free_port
from tests.service import COMMAND, Service, eventually
from tests.workers.crowd import Crowd

WORKERS = 2
AGAIN = 12  # connections, each of which may come to any worker
GROWING = ("docledger_http_requests_total", "process_cpu_seconds_total", "docledger_commit_seconds_count")


@pytest.fixture
def service(tmp_path: Path, postgres_database: str) -> Iterator[Service]:
    service = Service(tmp_path, DATABASE_URL=postgres_database, WORKERS=str(WORKERS), GRACE_SECONDS="2")
    try:
        start(service)
        yield service
    finally:
        service.close()


@pytest.fixture(scope="module")
def untouched(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """For those that only look."""
    postgres.ensure()
    folder, url = tmp_path_factory.mktemp("workers"), postgres.create_database()
    service = Service(folder, DATABASE_URL=url, WORKERS=str(WORKERS), GRACE_SECONDS="2")
    try:
        start(service)
        yield service
        assert service.stop() == 0
    finally:
        service.close()
        postgres.drop_database(url)


def start(service: Service) -> None:
    service.start()
    eventually(lambda: "Docledger is ready" in service.log(), "all are ready", 60)


def ask(service: Service, path: str, method: str = "GET") -> httpx.Response:
    """Over a connection of its own."""
    return httpx.request(method, service.url + path, trust_env=False, timeout=30)


def samples(service: Service) -> dict[tuple[str, str], float]:
    """By name and labels; those that only grow."""
    families = text_string_to_metric_families(ask(service, "/metrics").text)
    return {
        (sample.name, str(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
        if sample.name in GROWING
    }


def children(service: Service) -> list[int]:
    """Its workers."""
    threads = Path(f"/proc/{service.pid}/task").glob("*/children")  # each thread has its own
    pids = [pid for thread in threads for pid in thread.read_text().split()]
    return [int(pid) for pid in pids if b"--worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_they_are_one_service(untouched: Service) -> None:
    file = untouched.file("Welcome.docx")["id"]
    keys = {
        ask(untouched, f"/api/onlyoffice/config/{file}").json()["config"]["document"]["key"]
        for _ in range(AGAIN)
    }
    assert len(keys) == 1, "everybody edits together"
    assert [file["name"] for file in untouched.get("/api/files")["files"]].count("Welcome.docx") == 1
    eventually(lambda: ask(untouched, "/readyz").status_code == 200, "it is ready")
    assert ask(untouched, "/api/status").json()["open_documents"] == 1
    drained = untouched.command("drain")
    assert (drained.returncode, drained.stdout) == (0, "Saved: 0. Left unsaved: 0.\n")
    assert "is in postgresql://" in untouched.log()
    assert f"each of {WORKERS} workers counts requests for itself" in untouched.log()


def test_one_that_hangs_makes_all_unready_and_is_told_apart(service: Service) -> None:
    eventually(lambda: ask(service, "/readyz").status_code == 200, "it is ready")
    assert ask(service, "/readyz", "HEAD").status_code == 200
    paused = children(service)[-1]
    os.kill(paused, signal.SIGSTOP)
    try:
        ready = eventually(lambda: answered(service, "/readyz"), "another one answers")
        assert ready.status_code == 503
        assert ready.json()["checks"]["workers"].endswith("no answer")
        told = eventually(lambda: answered(service, "/metrics"), "another one answers")
        up = [line for line in told.text.splitlines() if line.startswith("docledger_worker_up{")]
        assert sorted(line[-1] for line in up) == ["0", "1"]
    finally:
        os.kill(paused, signal.SIGCONT)
    eventually(lambda: ask(service, "/readyz").status_code == 200, "it is ready again")


def answered(service: Service, path: str) -> httpx.Response | None:
    """None when it has come to one that hangs."""
    try:
        return httpx.get(service.url + path, trust_env=False, timeout=8)
    except httpx.TimeoutException:
        return None


def test_what_all_of_them_refuse_is_refused_in_their_words(untouched: Service) -> None:
    refused = untouched.command("drain", "--close")
    assert refused.returncode == 1
    assert "Stop the nodes one after the other instead" in refused.stderr


def test_what_only_grows_never_seems_to_shrink_whoever_is_asked(untouched: Service) -> None:
    before: dict[tuple[str, str], float] = {}
    for _ in range(AGAIN):
        ask(untouched, "/api/files")
        now = samples(untouched)
        assert all(now[name] >= value for name, value in before.items())
        before = now
    workers = {f"('worker', '{number}')" for number in range(1, WORKERS + 1)}
    assert all(any(worker in labels for _, labels in before) for worker in workers)


def test_the_doctors_probes_land_where_it_waits_and_its_report_is_everywhere(untouched: Service) -> None:
    told = {check["name"]: check for check in ask(untouched, "/api/doctor", "POST").json()["checks"]}
    landed = ("public_url", "storage_url", "proxy", "reaches_us", "results", "callbacks")
    assert {name: told[name]["verdict"] for name in landed} == dict.fromkeys(landed, "ok")
    for _ in range(AGAIN):
        assert ask(untouched, "/api/doctor").status_code == 200
        assert "The Document Server called us back" in ask(untouched, "/doctor").text


def doors_of(service: Service) -> Iterator[Path]:
    """The Unix sockets of its workers, and of no other program here."""
    threads = Path(f"/proc/{service.pid}/task").glob("*/children")
    workers = [pid for thread in threads for pid in thread.read_text().split()]
    opened = set[str]()
    for handle in (handle for pid in workers for handle in Path(f"/proc/{pid}/fd").iterdir()):
        with suppress(FileNotFoundError):  # it was closed meanwhile
            opened.add(os.readlink(handle))
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        *_, inode, name = [*line.split(), ""][:8]
        if f"socket:[{inode}]" in opened and name.startswith("/"):
            yield Path(name)


def test_nobody_comes_in_by_a_door_and_nobody_says_who_he_is_not(untouched: Service) -> None:
    """Workers believe each other; others who claim to be one are not believed."""
    folders = {door.parent for door in doors_of(untouched)}
    assert folders
    assert all(folder.stat().st_mode & 0o077 == 0 for folder in folders)
    claimed = httpx.get(
        f"{untouched.url}/api/files", headers={"X-Docledger-Client": "203.0.113.9"}, trust_env=False
    )
    assert claimed.status_code == 200


class Openers(Crowd):
    def __init__(self, service: Service, file: str) -> None:
        super().__init__(3, 0.01)
        self._service, self._file = service, file
        self.answers: list[Any] = []

    def ask(self) -> None:
        try:
            answer = ask(self._service, f"/api/onlyoffice/config/{self._file}").json()
            self.answers.append(answer["config"]["document"]["key"])
        except (httpx.HTTPError, KeyError) as trouble:
            self.answers.append(repr(trouble))


def test_they_are_renewed_while_people_come_in_and_nobody_notices(service: Service) -> None:
    file, old = service.file("Welcome.docx")["id"], children(service)
    key = service.key(file)
    with Openers(service, file) as crowd:
        os.kill(service.pid, signal.SIGHUP)
        eventually(lambda: "all workers are new" in service.log(), "all are new", 60)
    assert len(crowd.answers) > 50
    assert set(crowd.answers) == {key}
    assert len(old) == len(children(service)) == WORKERS
    assert not set(old) & set(children(service))
    assert service.stop() == 0


class Ponderers(Crowd):
    """Who come in, and ask a moment later."""

    def __init__(self, service: Service) -> None:
        super().__init__(8, 0.001)
        self._port = int(service.url.rpartition(":")[2])
        self.answers: list[bytes] = []

    def ask(self) -> None:
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=30) as connection:
                sleep(0.05)
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                self.answers.append(connection.recv(12))
        except OSError as trouble:
            self.answers.append(repr(trouble).encode())


def test_who_has_come_in_and_not_asked_yet_is_answered_by_a_worker_that_leaves(service: Service) -> None:
    with Ponderers(service) as crowd:
        os.kill(service.pid, signal.SIGHUP)
        eventually(lambda: "all workers are new" in service.log(), "all are new", 60)
    assert len(crowd.answers) > 50
    assert set(crowd.answers) == {b"HTTP/1.1 200"}


def test_after_a_kill_of_the_parent_its_workers_end_and_a_new_one_starts(service: Service) -> None:
    old = children(service)
    assert len(old) == WORKERS
    service.kill()
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in old), "they have ended")
    (service.folder / "serve.log").write_text("")
    start(service)
    assert not set(old) & set(children(service))


def serve(tmp_path: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    service = Service(tmp_path, **settings)
    try:
        return service.command("serve", *arguments)
    finally:
        service.close()


def test_with_sqlite_there_is_one_and_it_says_why_and_what_to_do(tmp_path: Path) -> None:
    for done in (serve(tmp_path, "--workers", "3"), serve(tmp_path, WORKERS="3")):
        assert done.returncode == 1
        assert "3 workers cannot share a log in SQLite" in done.stderr
        assert "DOCLEDGER_DATABASE_URL" in done.stderr
        assert "Traceback" not in done.stderr


def test_with_sqlite_it_says_at_the_start_that_it_is_for_one(tmp_path: Path) -> None:
    service = Service(tmp_path)
    try:
        service.start()
        assert "which is for one process" in service.log()
        assert service.stop() == 0
    finally:
        service.close()


def test_a_database_that_is_not_there_is_said_once(tmp_path: Path) -> None:
    url = f"postgresql://docledger@127.0.0.1:{free_port()}/docledger"
    done = serve(tmp_path, DATABASE_URL=url, WORKERS="3")
    assert done.returncode == 1
    assert done.stderr.count("cannot open the database") == 1
    assert "No worker has started" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_said_once(tmp_path: Path, postgres_database: str) -> None:
    service = Service(tmp_path, DATABASE_URL=postgres_database, WORKERS="3")
    with socket.create_server(("127.0.0.1", int(service.url.rpartition(":")[2]))):
        done = service.command("serve")
    service.close()
    assert done.returncode == 1
    assert done.stderr.count("Address already in use") == 1


def test_the_help_speaks_of_workers_but_not_of_what_only_they_are_told() -> None:
    told = subprocess.run([COMMAND, "serve", "--help"], capture_output=True, text=True, check=True).stdout
    assert "--workers" in told
    assert "parent" not in told
