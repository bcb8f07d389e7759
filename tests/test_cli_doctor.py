"""`docledger doctor`, as an operator types it: beside the running service, and without one."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.service import Service, eventually, running

FIELDS = ["name", "verdict", "detail", "remedy"]


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(tmp_path_factory.mktemp("beside"), CHECKPOINT_SECONDS="0.2") as service:
        eventually(lambda: "is signed" in service.log(), "a checkpoint is made")
        yield service


def checked(service: Service, *arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    done = service.command("doctor", "--json", *arguments)
    assert "Traceback" not in done.stderr
    told = json.loads(done.stdout)
    assert list(told) == ["checks"]
    assert all(list(check) == FIELDS for check in told["checks"])
    return done.returncode, {check["name"]: check for check in told["checks"]}


def test_beside_the_demo_all_is_well(beside: Service) -> None:
    code, checks = checked(beside)
    assert code == 0
    assert {check["verdict"] for check in checks.values()} == {"ok"}, checks
    assert "The Document Server fetched a probe" in checks["reaches_us"]["detail"]
    assert "called us back" in checks["callbacks"]["detail"]
    assert "has looked for itself" in checks["service"]["detail"]


def test_lines_for_people_end_with_a_count(beside: Service) -> None:
    done = beside.command("doctor")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("✓ ok   service")
    assert lines[-1] == f"{sum(line.startswith('✓ ok') for line in lines)} ok, 0 warnings, 0 failures"
    assert "\x1b" not in done.stdout, "no colours where nobody sees them"


def test_the_whole_log_is_verified_when_asked_for(beside: Service) -> None:
    assert "verified: nothing found" in checked(beside, "--verify")[1]["log"]["detail"]


def test_a_command_line_with_other_settings_than_the_service_says_so(beside: Service, tmp_path: Path) -> None:
    stranger = Service(tmp_path, AUTOSAVE_SECONDS="7", PORT=beside.url.rpartition(":")[2])
    assert checked(stranger)[1]["restart"]["verdict"] == "warn"
    assert "restart" not in checked(beside)[1]


def test_beside_a_service_with_postgres_all_is_well(tmp_path: Path, postgres_database: str) -> None:
    with running(tmp_path, CHECKPOINT_SECONDS="0.2", DATABASE_URL=postgres_database) as service:
        eventually(lambda: "is signed" in service.log(), "a checkpoint is made")
        code, checks = checked(service, "--verify")
        assert code == 0
        assert {check["verdict"] for check in checks.values()} == {"ok"}, checks
        assert checks["database"]["detail"].startswith("PostgreSQL ")
        assert "verified: nothing found" in checks["log"]["detail"]
        assert "restart" not in checks


def test_another_program_on_our_port_is_told_from_none(tmp_path: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as somebody:
        thread = Thread(target=somebody.handle_request)
        thread.start()
        code, checks = checked(Service(tmp_path, PORT=str(somebody.server_port)))
        thread.join()
    assert code == 1
    assert checks["service"]["verdict"] == "fail"
    assert "HTTP 501" in checks["service"]["detail"]
    assert "see the check service" in checks["storage_url"]["detail"]


def test_without_a_service_it_says_so_and_looks_at_the_rest(tmp_path: Path) -> None:
    code, checks = checked(Service(tmp_path))
    assert code == 0
    assert (checks["service"]["verdict"], checks["document_server"]["verdict"]) == ("warn", "warn")
    assert checks["callbacks"]["remedy"] == "Start the service: docledger serve."
    assert checks["storage_url"]["verdict"] == checks["disk"]["verdict"] == "ok"
    assert {path.name for path in (tmp_path / "data").iterdir()} == {"secret"}


def test_after_a_kill_it_finds_what_goes_on_without_the_service(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        service.kill()
        code, checks = checked(service)
        assert code == 0
        assert {name for name, check in checks.items() if check["verdict"] != "ok"} == {"service"}


def test_a_damaged_database_is_found_without_a_service(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        assert service.stop() == 0
        (service.data / "docledger.db").write_bytes(b"nothing of the kind" * 500)
        code, checks = checked(service, "--verify")
    assert code == 1
    assert "not a database" in checks["database"]["detail"]
    assert checks["log"]["verdict"] in {"warn", "fail"}


def test_every_wrong_setting_is_said_at_once(tmp_path: Path) -> None:
    code, checks = checked(Service(tmp_path, PORT="eighty", CALLBACK_REPLY="sometimes", SECRT="x"))
    assert (code, list(checks)) == (1, ["settings"])
    for name in ("DOCLEDGER_PORT", "DOCLEDGER_CALLBACK_REPLY", "DOCLEDGER_SECRT"):
        assert name in checks["settings"]["detail"]


def test_a_port_that_is_taken_by_somebody_else(tmp_path: Path) -> None:
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        port = str(somebody.getsockname()[1])  # bound and not listening: connections are refused
        code, checks = checked(Service(tmp_path, PORT=port))
    assert code == 1
    assert "in use" in checks["service"]["detail"]
