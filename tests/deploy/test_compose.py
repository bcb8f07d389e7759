"""compose.yaml: what it says to each container, held against our settings, our image and our nginx."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
import yaml

from infrastructure.settings import PREFIX, SETTINGS_HELP, Settings
from infrastructure.settings_fields import GROUPS
from tests.deploy.dockerfile import steps
from tests.deploy.proxy import DEPLOY, ROOT, nginx, open_folder, upgraded
from tests.infrastructure.raw_server import running as raw_server
from tests.ports import free_port
from tests.web.service import Given
from web.server import CUT, MARGIN

SECRETS = {
    "DOCUMENT_SERVER_SECRET": "d0" * 10 + "0123456789abcdef",
    "AUTH_SECRET": "a0" * 10 + "0123456789abcdef",
}
PROXIED = {
    "PUBLIC_URL": "https://docs.example.com:8443",
    "DOCUMENT_SERVER_URL": "https://docs.example.com:8443/office",
}


def filled(given: dict[str, str], path: Path = ROOT / "compose.yaml") -> dict[str, Any]:
    """As compose reads it, with these variables."""

    def value(match: re.Match[str]) -> str:
        name, how, text = match.groups()
        assert how != ":?" or name in given, f"{name} is needed"
        return given.get(name, text or "")

    text = re.sub(r"\$\{(\w+)(?:(:[-?])([^}]*))?\}", value, path.read_text())
    read: dict[str, Any] = yaml.safe_load(text)
    return read


@pytest.fixture(params=["plain", "proxied"])
def compose(request: pytest.FixtureRequest) -> dict[str, Any]:
    return filled({**SECRETS, **(PROXIED if request.param == "proxied" else {})})


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def test_it_cannot_be_started_without_secrets() -> None:
    with pytest.raises(AssertionError, match="SECRET is needed"):
        filled({})


def test_docledger_takes_its_settings_as_they_are(compose: dict[str, Any], tmp_path: Path) -> None:
    environment = compose["services"]["docledger"]["environment"]
    assert environment.keys() <= {row.variable for row in SETTINGS_HELP}
    image = dict(re.findall(r"(DOCLEDGER_\w+)=(\S+)", (ROOT / "Dockerfile").read_text()))
    given = {name: text for name, text in {**image, **environment}.items() if text}
    given["DOCLEDGER_DATA_DIR"] = str(tmp_path)
    settings: Settings = Given(**{name.removeprefix(PREFIX).lower(): text for name, text in given.items()})
    assert not settings.demo
    assert not settings.uses_standin
    assert settings.storage_url == "http://docledger:8080"


def test_both_share_one_secret_and_the_server_may_fetch_from_a_private_address(
    compose: dict[str, Any],
) -> None:
    services = compose["services"]
    ours, theirs = services["docledger"]["environment"], services["documentserver"]["environment"]
    assert (
        theirs["JWT_SECRET"] == ours["DOCLEDGER_DOCUMENT_SERVER_SECRET"] == SECRETS["DOCUMENT_SERVER_SECRET"]
    )
    assert (theirs["JWT_ENABLED"], theirs["ALLOW_PRIVATE_IP_ADDRESS"]) == ("true", "true")


def test_what_a_document_server_has_not_delivered_outlives_its_container(compose: dict[str, Any]) -> None:
    kept = {volume.partition(":")[2] for volume in compose["services"]["documentserver"]["volumes"]}
    assert {"/var/lib/postgresql", "/var/lib/onlyoffice", "/var/lib/rabbitmq"} <= kept
    named = {volume.partition(":")[0] for volume in compose["services"]["documentserver"]["volumes"]}
    assert named | {"docledger"} == compose["volumes"].keys()


@pytest.mark.parametrize("name", ["docledger", "nginx"])
def test_ours_may_write_nothing_but_their_data(compose: dict[str, Any], name: str) -> None:
    service = compose["services"][name]
    assert (service["read_only"], service["tmpfs"], service["cap_drop"]) == (True, ["/tmp"], ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_docledger_stops_before_the_document_server_and_has_the_time_to(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert "documentserver" in services["docledger"]["depends_on"]
    grace = float(GROUPS[-1].model_fields["grace_seconds"].default)
    assert seconds(services["docledger"]["stop_grace_period"]) > grace + MARGIN + CUT


def test_nginx_is_the_one_proxy_that_is_believed_and_reads_as_one_of_our_group(
    compose: dict[str, Any],
) -> None:
    services = compose["services"]
    address = services["nginx"]["networks"]["default"]["ipv4_address"]
    assert services["docledger"]["environment"]["DOCLEDGER_TRUSTED_PROXIES"] == address
    user = dict(steps((ROOT / "Dockerfile").read_text()))["USER"]
    assert services["nginx"]["user"].partition(":")[2] == user.partition(":")[2]
    assert "docledger:/data:ro" in services["nginx"]["volumes"]


async def test_its_nginx_serves_both_under_one_name(program: str) -> None:
    async with raw_server(upgraded) as docledger, raw_server(upgraded) as office:
        with open_folder() as folder:
            port = free_port()
            config = (DEPLOY / "compose-nginx.conf").read_text()
            changes = {
                "/tmp/": f"{folder}/",
                "docledger:8080": docledger.url.removeprefix("http://"),
                "documentserver:80": office.url.removeprefix("http://"),
                "listen 8443": f"listen 127.0.0.1:{port}",
                "/certificates/": f"{folder}/",
                "/data/blobs/": f"{folder}/data/blobs/",
                "pid ": "daemon off;\npid ",
            }
            for ours, theirs in changes.items():
                assert ours in config
                config = config.replace(ours, theirs)
            async with nginx(folder, port, config, program) as proxy, proxy.client() as client:
                await _both(client, docledger.requests, office.requests)


async def _both(client: httpx.AsyncClient, ours: list[Any], theirs: list[Any]) -> None:
    with trio.fail_after(20):
        assert (await client.get("/api/files")).status_code == 200
        assert (await client.get("/office/web-apps/apps/api/documents/api.js")).status_code == 200
        assert (await client.get("/blobs/ab/cd")).status_code == 200  # by Docledger, which has no such page
    assert [heard.line for heard in ours] == ["GET /api/files HTTP/1.1", "GET /blobs/ab/cd HTTP/1.1"]
    assert theirs[0].line == "GET /web-apps/apps/api/documents/api.js HTTP/1.1"
    assert theirs[0].headers["x-forwarded-host"] == "docs.example.com/office"
    assert ours[0].headers["x-sendfile-type"] == "X-Accel-Redirect"
