"""deploy/compose-nodes.yaml: what it says to each container, held against our settings and our image."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infrastructure.settings import PREFIX, SETTINGS_HELP, Settings
from infrastructure.settings_fields import GROUPS
from tests.deploy.proxy import DEPLOY, ROOT, certificate
from tests.deploy.test_compose import filled, seconds
from tests.web.service import Given
from web.server import CUT, MARGIN

GIVEN = {
    "DOCUMENT_SERVER_SECRET": "d0" * 10 + "0123456789abcdef",
    "AUTH_SECRET": "a0" * 10 + "0123456789abcdef",
    "SECRET": "50" * 10 + "0123456789abcdef",
    "POSTGRES_PASSWORD": "0123456789abcdef",
    "PUBLIC_URL": "https://docs.example.com:8443",
    "DOCUMENT_SERVER_URL": "https://office.example.com",
}
NODES = ("node1", "node2", "node3")


@pytest.fixture
def compose() -> dict[str, Any]:
    return filled(GIVEN, DEPLOY / "compose-nodes.yaml")


@pytest.mark.parametrize("missing", sorted(GIVEN))
def test_it_cannot_be_started_without_any_of_these(missing: str) -> None:
    given = {name: value for name, value in GIVEN.items() if name != missing}
    with pytest.raises(AssertionError, match=f"{missing} is needed"):
        filled(given, DEPLOY / "compose-nodes.yaml")


def test_all_nodes_take_the_same_settings_as_they_are(compose: dict[str, Any], tmp_path: Path) -> None:
    environments = [compose["services"][node]["environment"] for node in NODES]
    assert environments[0] == environments[1] == environments[2]
    ours = {name: text for name, text in environments[0].items() if name.startswith(PREFIX)}
    assert ours.keys() <= {row.variable for row in SETTINGS_HELP}
    image = dict(re.findall(r"(DOCLEDGER_\w+)=(\S+)", (ROOT / "Dockerfile").read_text()))
    given = {**image, **ours, "DOCLEDGER_DATA_DIR": str(tmp_path)}
    settings: Settings = Given(**{name.removeprefix(PREFIX).lower(): text for name, text in given.items()})
    assert settings.uses_postgres
    assert settings.secrets["database_url"] == GIVEN["POSTGRES_PASSWORD"]
    assert settings.rate_limit_url == "redis://redis:6379/0"
    assert not settings.demo
    assert not settings.uses_standin


def test_each_node_has_a_folder_of_its_own_and_all_have_the_blobs(compose: dict[str, Any]) -> None:
    for node in NODES:
        assert compose["services"][node]["volumes"] == [f"{node}:/data", "blobs:/blobs"]
        assert compose["services"][node]["read_only"]
    assert "/data /blobs" in (ROOT / "Dockerfile").read_text(), "theirs, or they could not write there"
    assert {*NODES, "blobs", "postgres"} < compose["volumes"].keys()


def test_nodes_stop_before_what_they_need_and_have_the_time_to(compose: dict[str, Any]) -> None:
    grace = float(GROUPS[-1].model_fields["grace_seconds"].default)
    for node in NODES:
        service = compose["services"][node]
        assert service["depends_on"].keys() == {"postgres", "documentserver"}
        assert seconds(service["stop_grace_period"]) > grace + MARGIN + CUT


def test_haproxy_is_the_one_proxy_that_is_believed(compose: dict[str, Any]) -> None:
    address = compose["services"]["haproxy"]["networks"]["default"]["ipv4_address"]
    assert compose["services"]["node1"]["environment"]["DOCLEDGER_TRUSTED_PROXIES"] == address


def test_haproxy_takes_both_of_its_files_and_knows_every_node(
    compose: dict[str, Any], balancer: str, tmp_path: Path
) -> None:
    haproxy = compose["services"]["haproxy"]
    certificate(tmp_path)
    pem = (tmp_path / "fullchain.pem").read_bytes() + (tmp_path / "privkey.pem").read_bytes()
    (tmp_path / "docs.example.com.pem").write_bytes(pem)
    mounted = dict(volume.removesuffix(":ro").rsplit(":", 1)[::-1] for volume in haproxy["volumes"])
    assert mounted.keys() > set(haproxy["command"][2::2])
    for place, name in mounted.items():
        if name.endswith(".cfg"):
            text = (DEPLOY / name).read_text().replace("/etc/haproxy/", f"{tmp_path}/")
            (tmp_path / Path(place).name).write_text(text)
    files = [argument.replace("/etc/haproxy/", f"{tmp_path}/") for argument in haproxy["command"][1:]]
    checked = subprocess.run(
        [balancer, "-c", *files], capture_output=True, text=True, check=False, timeout=20
    )
    assert checked.returncode == 0, checked.stderr
    doubts = [line for line in checked.stderr.splitlines() if line.startswith("[WARNING]")]
    assert all("could not resolve address 'node" in doubt for doubt in doubts), checked.stderr
    servers = re.findall(r"server \S+ (\w+):8080", (DEPLOY / "haproxy.cfg").read_text())
    assert sorted(servers) == sorted(NODES)
