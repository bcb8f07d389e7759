"""Hosts that we are not, addresses that nobody has, and paths, ids and names that mean something else."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
from starlette.requests import Request

from tests.attacks.pages import HTML, answers, pages
from tests.attacks.raw import status, talk
from tests.web.fake_server import SECRET
from tests.web.life import Running
from tests.web.service import PUBLIC_URL, Service, sign_in
from web.errors import answer_unexpected

EVIL = "evil.test"
HOSTS = {
    "Host": {"Host": EVIL},
    "Host with a port": {"Host": f"{EVIL}:8080"},
    "Host beginning like ours": {"Host": f"docledger.test.{EVIL}"},
    "Host with userinfo": {"Host": f"docledger.test@{EVIL}"},
    "Host with a path": {"Host": f"{EVIL}/x"},
    "Host with markup": {"Host": f'"><script>{EVIL}'},
    "X-Forwarded-Host": {"X-Forwarded-Host": EVIL},
    "X-Forwarded-Server": {"X-Forwarded-Server": EVIL},
    "X-Forwarded-Proto": {"X-Forwarded-Proto": f"https://{EVIL}/"},
    "X-Forwarded-Port": {"X-Forwarded-Port": f"1@{EVIL}"},
    "X-Forwarded-Prefix": {"X-Forwarded-Prefix": f"//{EVIL}"},
    "X-Forwarded-For": {"X-Forwarded-For": EVIL},
    "Forwarded": {"Forwarded": f"for={EVIL};host={EVIL};proto=https"},
    "X-Host": {"X-Host": EVIL},
    "X-Original-URL": {"X-Original-URL": f"https://{EVIL}/x"},
    "X-Rewrite-URL": {"X-Rewrite-URL": f"//{EVIL}/x"},
    "X-HTTP-Host-Override": {"X-HTTP-Host-Override": EVIL},
    "Base-Url": {"Base-Url": f"https://{EVIL}"},
    "True-Client-IP": {"True-Client-IP": EVIL},
    "Referer": {"Referer": f"https://{EVIL}/x"},
    "Origin": {"Origin": f"https://{EVIL}"},
}


@pytest.mark.parametrize("name", HOSTS)
async def test_no_url_of_ours_names_a_host_that_a_request_names(service: Service, name: str) -> None:
    """Nothing that a cache could keep for others, either."""
    file = await service.add()
    key = await service.begin(file)
    for path in {*pages(file, key).values(), *answers(file, key).values()}:
        for headers in (HOSTS[name], {**HOSTS[name], **HTML}):
            for by in ("auditor:ada", None):
                answer = await service.get(path, by=by, headers=headers)
                assert EVIL not in answer.text, path
                assert EVIL not in str(answer.headers), path
    added = await service.post("/api/files", headers={"Host": EVIL}, files={"file": ("a.txt", b"words")})
    assert added.headers["location"].startswith(f"{PUBLIC_URL}/")
    opened = await service.ask("GET", f"/api/onlyoffice/config/{file}", headers=HOSTS[name])
    config = opened.json()["config"]
    assert config["document"]["url"].startswith(f"{PUBLIC_URL}/api/onlyoffice/file/")
    assert config["editorConfig"]["callbackUrl"] == f"{PUBLIC_URL}/api/onlyoffice/callback"


REBOUND = [
    "evil.test",
    "evil.test:8080",
    "127.0.0.1.evil.test",
    "localhost.evil.test",
    "0.0.0.0",
    "[::]",
    "",
    "x@[",
    "2130706433",
]


@pytest.mark.parametrize("host", REBOUND)
async def test_a_name_made_to_lead_here_is_not_let_into_the_demo(running: Running, host: str) -> None:
    """DNS rebinding: in the demo everybody on this machine is signed in, but no page of others."""
    service = await running(auth_secret=None)
    for path in ("/", "/api/files", "/healthz"):
        said = await talk(service, f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert status(said) in {400, 421}
    for ours in ("localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]:8080", "docledger.test", "localhost."):
        assert (await service.get("/api/files", by=None, headers={"Host": ours})).status_code == 200


SPOOFED = {
    "one": {"X-Forwarded-For": "203.0.113.NUMBER"},
    "several": {"X-Forwarded-For": "203.0.113.NUMBER, 127.0.0.1, 10.0.0.1"},
    "like a proxy": {"X-Forwarded-For": "127.0.0.NUMBER"},
    "IPv6": {"X-Forwarded-For": "2001:db8:NUMBER::1"},
    "with a port": {"X-Forwarded-For": "203.0.113.1:NUMBER"},
    "nonsense": {"X-Forwarded-For": "unknown NUMBER"},
    "real ip": {"X-Real-IP": "203.0.113.NUMBER"},
    "client ip": {"True-Client-IP": "203.0.113.NUMBER", "CF-Connecting-IP": "203.0.113.NUMBER"},
    "forwarded": {"Forwarded": "for=203.0.113.NUMBER"},
}


@pytest.mark.parametrize("name", SPOOFED)
@pytest.mark.parametrize("trusted", ["", "10.0.0.0/8"])
async def test_an_address_that_one_only_claims_buys_no_more_requests(
    running: Running, trusted: str, name: str
) -> None:
    service = await running(rate_limit="3/minute", trusted_proxies=trusted)
    for number in range(5):
        headers = {key: value.replace("NUMBER", str(number)) for key, value in SPOOFED[name].items()}
        answer = await service.get("/api/files", headers=headers)
        assert answer.status_code == (200 if number < 3 else 429)


async def test_behind_a_proxy_the_left_most_address_may_be_made_up(running: Running) -> None:
    service = await running(rate_limit="3/minute", trusted_proxies="127.0.0.1")
    for number in range(5):
        headers = {"X-Forwarded-For": f"198.51.100.{number}, 203.0.113.9"}
        assert (await service.get("/api/files", headers=headers)).status_code == (200 if number < 3 else 429)
    headers = {"X-Forwarded-For": "203.0.113.10"}
    assert (await service.get("/api/files", headers=headers)).status_code == 200


LIMITED = ["/api/files", "/%61pi/files", "/api/files?x", "/api/files/", "/", "/files/x", "/audit", "/sign-in"]


@pytest.mark.parametrize("path", LIMITED)
async def test_another_way_to_write_a_path_is_counted_as_well(running: Running, path: str) -> None:
    service = await running(rate_limit="2/minute")
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {sign_in('ada')}\r\n\r\n".encode()
    assert [status(await talk(service, request)) == 429 for _ in range(4)] == [False, False, True, True]


TRICKS = [
    "../../../etc/passwd",
    "..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "%252e%252e%252fetc%252fpasswd",
    "..%5c..%5cwindows%5cwin.ini",
    "..%c0%af..%c0%afetc%c0%afpasswd",
    "%c0%ae%c0%ae/etc/passwd",
    "%u002e%u002e/etc/passwd",
    "....//....//etc/passwd",
    "..;/..;/etc/passwd",
    ".%2e/.%2e/secret",
    "%00",
    "x%00.docx",
    "x%0d%0aSet-Cookie:%20token=x",
    "%ff%fe",
    "%ED%A0%80",
    "x%20OR%201=1",
    "x';DROP%20TABLE%20files;--",
    "%7b%7b7*7%7d%7d",
    "${7*7}",
    "x" * 9000,
    "%e2%80%ae",
    ".env",
    ".git/config",
    "CON",
    "file:///etc/passwd",
    "0",
    "-1",
    "1e9",
    "9" * 400,
]
PLACES = [
    "/static/{}",
    "/files/{}",
    "/documents/{}",
    "/api/files/{}",
    "/api/files/{}/content",
    "/api/files/{}/versions/1/content",
    "/api/files/FILE/versions/{}/content",
    "/api/files/FILE/history/{}",
    "/api/documents/{}",
    "/api/documents/{}/state",
    "/api/documents/{}/events",
    "/api/onlyoffice/config/{}",
    "/api/onlyoffice/viewer/{}",
    "/api/onlyoffice/file/{}?token=x",
]


@pytest.mark.parametrize("place", PLACES)
async def test_no_path_leads_out_of_where_it_belongs(service: Service, place: str) -> None:
    file = await service.add()
    for trick in TRICKS:
        path = place.replace("FILE", file).format(trick)
        request = (
            f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            f"Authorization: Bearer {sign_in('ada', role='auditor admin')}\r\n\r\n"
        )
        said = await talk(service, request.encode(), b"no end")
        assert status(said) in {400, 403, 404, 414, 431}, (path[:100], said[:300])
        head = said.partition(b"\r\n\r\n")[0].lower()
        assert b"set-cookie" not in head
        for leak in (
            b"root:",
            b"Traceback",
            b"site-packages",
            SECRET.encode(),
            str(service.settings.data_dir).encode(),
        ):
            assert leak not in said


QUERIES = [
    "limit=-1",
    "limit=1e3",
    "limit=9999999999999999999999",
    "before=%00",
    "before=x' OR '1'='1",
    "after=%ff",
]


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("place", ["/api/files", "/api/audit", "/audit", "/", "/api/events"])
async def test_no_query_brings_it_out_of_step(service: Service, place: str, query: str) -> None:
    answer = await service.get(f"{place}?{query}&after=x", by="auditor:ann")
    assert answer.status_code < 500
    assert "sqlite" not in answer.text.lower()


async def test_what_breaks_is_told_without_how(service: Service) -> None:
    """The log's tables are taken away from under it."""
    file = await service.add()
    with closing(sqlite3.connect(service.settings.database_path)) as database:
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            if not table.startswith("sqlite_"):
                database.execute(f'DROP TABLE "{table}"')
    for path in ("/api/files", f"/files/{file}", "/audit", f"/api/onlyoffice/config/{file}"):
        for headers in ({}, HTML):
            told = await service.get(path, by="auditor:ada", headers=headers)
            assert told.status_code in {500, 503}
            for leak in ("sqlite", "no such table", "Traceback", ".py", str(service.settings.data_dir)):
                assert leak not in told.text


@pytest.mark.parametrize(
    ("state", "where"), [({}, "its log says what."), ({"request_id": "r7"}, "what, under r7.")]
)
async def test_a_bug_of_ours_is_told_by_its_number_alone(state: dict[str, str], where: str) -> None:
    bug = ValueError("/srv/secret/place.py")
    told = await answer_unexpected(Request({"type": "http", "headers": [], "state": state}), bug)
    body = json.loads(bytes(told.body))
    assert (told.status_code, body["code"]) == (500, "internal")
    assert body["message"].endswith(where)
    assert "secret" not in body["message"]
