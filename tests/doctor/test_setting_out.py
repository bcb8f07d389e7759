"""What is said of settings and their files, without saying what is in them."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from application.doctor.seen import Secret, Setup
from infrastructure.doctor.setting_out import is_believed, setup_of
from tests.web.service import AUTH_SECRET, Given

STRONG = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The .env file is looked for where one is."""
    monkeypatch.chdir(tmp_path)


def setup(folder: Path, **given: Any) -> Setup:
    settings = Given(**{"data_dir": folder / "data", "auth_secret": AUTH_SECRET, **given})
    return setup_of(settings, "http://office", "http://office", {"secret": STRONG})


def test_a_secret_is_weak_or_twice_and_never_told(tmp_path: Path) -> None:
    said = setup(tmp_path, document_server_secret=AUTH_SECRET)
    assert said.secrets == (
        Secret("AUTH_SECRET"),
        Secret("DOCUMENT_SERVER_SECRET", same_as="AUTH_SECRET"),
        Secret("SECRET"),
    )
    assert AUTH_SECRET not in str(said)
    demo = setup(tmp_path, auth_secret=None, metrics_token="short")
    assert Secret("METRICS_TOKEN", weakness="is shorter than 32 bytes") in demo.secrets


def test_a_secret_that_is_being_replaced_may_be_the_one_before(tmp_path: Path) -> None:
    said = setup(tmp_path, document_server_secret=STRONG[::-1], previous_document_server_secret=STRONG[::-1])
    assert not any(secret.same_as for secret in said.secrets)


@pytest.mark.parametrize(("line", "mode", "told"), [
    (f"DOCLEDGER_AUTH_SECRET={STRONG}", 0o644, True),
    (f"DOCLEDGER_AUTH_SECRET={STRONG}", 0o640, False),
    ("DOCLEDGER_PORT=8080", 0o644, False),
])  # fmt: skip
def test_an_env_file_with_secrets_is_for_its_owner(tmp_path: Path, line: str, mode: int, told: bool) -> None:
    (tmp_path / ".env").write_text(line)
    (tmp_path / ".env").chmod(mode)
    assert setup(tmp_path).readable == ((str(tmp_path / ".env"),) if told else ())


@pytest.mark.parametrize(("address", "believed"), [
    ("10.0.0.7", True), ("10.1.0.7", False), ("::1", True), ("", False), ("unix", False),
])  # fmt: skip
def test_who_may_speak_for_others(address: str, believed: bool) -> None:
    assert is_believed(address, [ip_network("10.0.0.0/16"), ip_network("::1")]) is believed
