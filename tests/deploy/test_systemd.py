"""The units, as systemd reads them, and what it is told by a service of ours."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from configparser import RawConfigParser
from contextlib import contextmanager
from pathlib import Path

import pytest

from infrastructure.notifying import notify
from infrastructure.settings import PREFIX, SETTINGS_HELP, SettingsError, read_settings
from infrastructure.settings_fields import GROUPS
from tests.deploy.proxy import DEPLOY
from tests.service import running
from web.server import CUT, MARGIN

SERVICES = sorted(DEPLOY.glob("*.service"))
UNITS = sorted([*SERVICES, *DEPLOY.glob("*.timer")])
EXPOSED = 20  # tenths on systemd's own scale from 0 (shut in) to 100


def named(path: Path) -> str:
    return path.name


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd-analyze here: apt install systemd")
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Our units with a program and an environment that are there."""
    for unit in UNITS:
        text = unit.read_text().replace("/opt/docledger/bin/docledger", "/bin/true")
        (tmp_path / unit.name).write_text(text.replace("/etc/docledger/docledger.env", "/dev/null"))
    return tmp_path


def test_systemd_takes_every_unit_without_a_word(installed: Path) -> None:
    done = analyze("verify", "--man=no", *(installed / unit.name for unit in UNITS))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("unit", SERVICES, ids=named)
def test_each_service_is_well_shut_in(installed: Path, unit: Path) -> None:
    most = EXPOSED if unit.stem == "docledger" else 2 * EXPOSED
    done = analyze("security", "--offline=yes", f"--threshold={most}", "--no-pager", installed / unit.name)
    assert done.returncode == 0, done.stdout[-300:]


def test_a_stop_has_longer_than_the_service_takes() -> None:
    unit = RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(DEPLOY / "docledger.service")
    grace = float(GROUPS[-1].model_fields["grace_seconds"].default)
    assert float(unit["Service"]["TimeoutStopSec"]) > grace + MARGIN + CUT


def test_every_setting_of_the_example_exists() -> None:
    known = {row.variable for row in SETTINGS_HELP}
    for path in (*SERVICES, DEPLOY / "docledger.env", DEPLOY / "nginx.conf"):
        assert set(re.findall(rf"{PREFIX}[A-Z_]+", path.read_text())) <= known


def test_nothing_starts_before_the_secrets_are_filled_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    example = (DEPLOY / "docledger.env").read_text()
    env = tmp_path / "docledger.env"
    env.write_text(example)
    with pytest.raises(SettingsError) as refused:
        read_settings(env)
    assert re.findall(r"DOCLEDGER_\w+(?=: )", str(refused.value)) == [
        "DOCLEDGER_AUTH_SECRET",
        "DOCLEDGER_DOCUMENT_SERVER_SECRET",
    ]
    env.write_text(example.replace("fill-in", "0123456789abcdef" * 2))
    settings = read_settings(env)
    assert (settings.demo, settings.uses_standin, settings.accel_redirect) == (False, False, "/blobs")


def test_systemd_is_told_when_the_service_is_ready_and_when_it_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _listening(str(tmp_path / "notify")) as systemd:
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        with running(tmp_path) as service:
            assert systemd.recv(100) == b"READY=1"
            assert service.stop() == 0
            assert systemd.recv(100) == b"STOPPING=1"


def test_its_address_may_be_one_without_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"docledger-{os.getpid()}"
    with _listening(f"\0{name}") as systemd:
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        notify("READY=1")
        assert systemd.recv(100) == b"READY=1"


def test_a_watcher_that_has_gone_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    notify("READY=1")
    assert "systemd cannot be told READY=1" in caplog.text


@contextmanager
def _listening(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.settimeout(20)
        yield systemd
