"""The doctor over HTTP: who may ask, what is answered, and where the Document Server finds its probes."""

from __future__ import annotations

import html

import httpx
import pytest

from infrastructure.doctor.setting_out import fingerprint
from infrastructure.kept import own_secret
from infrastructure.tokens import JwtTokens
from tests.ports import free_port
from tests.web.fake_server import FakeServer, signed
from tests.web.life import Running
from tests.web.service import AUTH_SECRET, Service

ADMIN, BOTH = "admin:ann", "auditor admin:ann"


@pytest.fixture
async def service(running: Running, server: FakeServer) -> Service:
    """Its own addresses lead to nobody."""
    server.result("/healthcheck", b"true")
    return await running(public_url=f"http://127.0.0.1:{free_port()}")


def operator(service: Service, secret: str = "") -> dict[str, str]:
    token = JwtTokens(secret or own_secret(service.settings), None, None).operator_token()
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("path", ["/doctor", "/api/doctor"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_only_an_admin_may_look(service: Service, path: str, method: str) -> None:
    for by in ("ada", "auditor:ann"):
        refused = await service.ask(method, path, by=by)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert (await service.ask(method, path, by=None)).status_code == 401


async def test_json_is_a_list_of_checks(service: Service) -> None:
    assert (await service.get("/api/doctor", by=ADMIN)).status_code == 404
    examined = await service.post("/api/doctor", by=BOTH)
    assert examined.status_code == 200
    checks = examined.json()["checks"]
    assert list(examined.json()) == ["checks"]
    assert {tuple(check) for check in checks} == {("name", "verdict", "detail", "remedy")}
    assert {check["verdict"] for check in checks} == {"ok", "warn", "fail"}
    by_name = {check["name"]: check for check in checks}
    assert by_name["document_server"]["verdict"] == "ok"
    assert by_name["public_url"]["verdict"] == "warn"
    assert by_name["blob_store"]["verdict"] == by_name["database"]["verdict"] == "ok"
    assert (await service.get("/api/doctor", by=ADMIN)).json() == examined.json()


async def test_the_page_shows_what_was_found_and_looks_again(service: Service) -> None:
    page = await service.get("/doctor", by=ADMIN)
    assert "Nothing has been looked at since the start" in page.text
    again = await service.post("/doctor", by=ADMIN)
    assert (again.status_code, again.headers["Location"]) == (303, "/doctor")
    page = await service.get("/doctor", by=ADMIN)
    assert "Run again" in page.text
    last = (await service.get("/api/doctor", by=ADMIN)).json()["checks"]
    for check in last:
        assert check["detail"] in html.unescape(page.text)
    verdicts = [line.split('"')[1] for line in page.text.splitlines() if "<li data-verdict=" in line]
    assert verdicts == sorted(verdicts, key=["fail", "warn", "ok"].index)
    assert len(verdicts) == len(last)


async def test_another_site_cannot_have_it_run(service: Service) -> None:
    for path in ("/doctor", "/api/doctor"):
        refused = await service.post(path, by=ADMIN, headers={"Origin": "https://evil.example"})
        assert (refused.status_code, refused.json()["code"]) == (403, "cross_site")


async def test_only_admins_are_shown_the_way_there(service: Service) -> None:
    assert "/doctor" in (await service.get("/", by=ADMIN)).text
    assert "/doctor" not in (await service.get("/", by="auditor:ann")).text


async def test_the_command_line_asks_with_our_own_secret(service: Service) -> None:
    examined = await service.post("/api/doctor", by=None, headers=operator(service))
    assert examined.status_code == 200
    assert "restart" not in {check["name"] for check in examined.json()["checks"]}
    stranger = operator(service, "some other secret of thirty-two bytes!")
    assert (await service.post("/api/doctor", by=None, headers=stranger)).status_code == 401


async def test_other_settings_than_those_it_was_started_with_are_noticed(service: Service) -> None:
    changed = service.settings.model_copy(update={"autosave_seconds": 12})
    for settings, noticed in ((changed, True), (service.settings, False)):
        asked = {"settings": fingerprint(settings, own_secret(settings))}
        examined = await service.post("/api/doctor", by=None, headers=operator(service), params=asked)
        assert ("restart" in {check["name"] for check in examined.json()["checks"]}) == noticed


async def test_a_fingerprint_tells_a_secret_from_another(service: Service) -> None:
    other = service.settings.model_copy(update={"auth_secret": None})
    assert fingerprint(service.settings, "key") != fingerprint(other, "key")
    assert AUTH_SECRET not in fingerprint(service.settings, "key")


@pytest.mark.parametrize("nonce", ["0" * 32, "x", "%2e%2e"])
async def test_a_probe_that_nobody_waits_for_is_not_there(service: Service, nonce: str) -> None:
    path = f"/api/doctor/probe/{nonce}"
    assert (await service.get(path, by=None)).status_code == 404
    called = await service.post(path, by=None, json={"token": signed({"key": "k", "status": 4})})
    assert called.status_code == 404


async def test_an_endless_callback_is_cut_off(service: Service, http_endless: httpx.Request) -> None:
    answer = await service.http.send(http_endless)
    assert answer.status_code == 413


@pytest.fixture
def http_endless(service: Service) -> httpx.Request:
    url = f"{service.url}/api/doctor/probe/{'0' * 32}"
    return httpx.Request("POST", url, content=bytes(5 * 1024 * 1024))
