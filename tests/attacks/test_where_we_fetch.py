"""Urls that would have us talk to somebody else: in callbacks, their changes, and whatever is fetched."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

import httpx
import pytest

from application.ports import DownloadFailed, DownloadGone
from application.result_links import may_be_a_result
from infrastructure.document_server import Endpoint, HttpDocumentServer
from tests.fakes import FakeBlobs
from tests.web.service import Service, second, word

PUBLIC, INTERNAL, LISTED = (
    "https://office.example.com/ds",
    "http://10.0.0.7:8080",
    "https://results.example.net",
)
PATH = "/cache/files/data/k_1/output.docx/output.docx?md5=x&expires=9"
PLACE = Endpoint(PUBLIC, INTERNAL, result_origins=(LISTED,))
ALLOWED = {("http", "10.0.0.7", 8080), ("https", "results.example.net", None)}


@dataclass
class Recording(httpx.AsyncBaseTransport):
    """Nothing leaves: it writes down where a request would have gone."""

    status: int = 200
    location: str | None = None
    went: list[httpx.URL] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.went.append(request.url)
        headers = {"Content-Length": "2", **({"Location": self.location} if self.location else {})}
        return httpx.Response(self.status, headers=headers, stream=httpx.ByteStream(b"ok"))


HOSTS = {
    "loopback": "127.0.0.1",
    "all of 127": "127.8.9.1",
    "localhost": "localhost",
    "localhost by case": "LocalHost",
    "unspecified": "0.0.0.0",
    "private 10": "10.0.0.8",
    "private 172": "172.16.0.1",
    "private 192": "192.168.0.1",
    "shared": "100.64.0.1",
    "link-local": "169.254.1.1",
    "metadata": "169.254.169.254",
    "metadata by name": "metadata.google.internal",
    "metadata of Alibaba": "100.100.100.200",
    "decimal": "2130706433",
    "octal": "0177.0.0.1",
    "hex": "0x7f000001",
    "short": "127.1",
    "hex parts": "0x7f.0x0.0x0.0x1",
    "IPv6 loopback": "[::1]",
    "IPv6 unspecified": "[::]",
    "IPv6 link-local": "[fe80::1]",
    "IPv6 zone": "[fe80::1%25eth0]",
    "IPv6 unique local": "[fd00:ec2::254]",
    "v4-mapped": "[::ffff:127.0.0.1]",
    "v4-mapped hex": "[::ffff:7f00:1]",
    "v4-compatible": "[::127.0.0.1]",
    "NAT64": "[64:ff9b::a9fe:a9fe]",
    "6to4": "[2002:7f00:1::]",
    "full IPv6": "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "other port of the server": "10.0.0.7:22",
    "other port of the public one": "office.example.com:8443",
    "other port of a listed one": "results.example.net:444",
    "port nought": "results.example.net:0",
    "a stranger": "evil.test",
    "beginning like it": "office.example.com.evil.test",
    "ending like it": "notoffice.example.com",
    "under it": "x.office.example.com",
    "beginning like a listed one": "results.example.net.evil.test",
    "ending like a listed one": "evil-results.example.net",
    "trailing dot": "results.example.net.",
    "two trailing dots": "results.example.net..",
    "wildcard DNS": "127.0.0.1.nip.io",
    "userinfo": "office.example.com@evil.test",
    "userinfo of a listed one": "results.example.net:443@evil.test",
    "userinfo for a listed one": "evil.test@results.example.net",
    "two at signs": "a@results.example.net@evil.test",
    "backslash": "evil.test\\@results.example.net",
    "backslash before": "results.example.net\\.evil.test",
    "fragment": "evil.test#@results.example.net",
    "question mark": "evil.test?@results.example.net",
    "semicolon": "evil.test;results.example.net",
    "tab": "evil.test\t.results.example.net",
    "CRLF": "results.example.net\r\nHost: evil.test",
    "NUL": "results.example.net\0.evil.test",
    "blank": "results.example.net evil.test",
    "encoded dot": "results%2eexample.net",
    "encoded slash": "evil.test%2f.results.example.net",
    "encoded at": "evil.test%40results.example.net",
    "punycode": "xn--rsults-bva.example.net",
    "Cyrillic": "rеsults.example.net",
    "full width": "evil。test",
    "circled": "ⓡesults.example.net",
    "dotless": "results.example.net\u200b",
    "soft hyphen": "res\u00adults.example.net",
    "nothing": "",
    "only a colon": ":80",
    "bracket": "[",
    "very long": "a" * 5000 + ".evil.test",
}
SCHEMES = [
    "file:///etc/passwd",
    "FILE:///etc/passwd",
    "ftp://results.example.net/x",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "dict://127.0.0.1:11211/",
    "ldap://127.0.0.1/",
    "data:text/plain,x",
    "javascript:alert(1)",
    "jar:https://results.example.net!/x",
    "unix:/var/run/docker.sock",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/x",
    "ws://results.example.net/x",
    "http:/results.example.net/x",
    "http:results.example.net/x",
    "https:///x",
    "//evil.test/x",
    "/etc/passwd",
    "x",
    "",
    " https://results.example.net/x",
    "http://results.example.net/x",
    "https:\\\\evil.test\\x",
    "view-source:https://results.example.net/x",
    "url:https://results.example.net/x",
    "@evil.test/x",
    "\x00https://results.example.net/x",
]


async def fetched(url: str, transport: Recording | None = None) -> list[httpx.URL]:
    transport = transport or Recording()
    async with HttpDocumentServer(PLACE, FakeBlobs(), None, transport) as client:
        with suppress(DownloadFailed):
            await client.fetch(url)
    return transport.went


def origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("name", HOSTS)
async def test_another_host_is_never_asked(name: str, scheme: str) -> None:
    for went in await fetched(f"{scheme}://{HOSTS[name]}{PATH}"):
        assert origin(went) == ("http", "10.0.0.7", 8080)
        assert not went.userinfo


@pytest.mark.parametrize("url", SCHEMES, ids=repr)
async def test_another_scheme_is_never_spoken(url: str) -> None:
    for went in await fetched(url):
        assert origin(went) in ALLOWED
        assert went.path.isascii()


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://office.example.com/ds/elsewhere",
        "//evil.test/x",
        "/internal/x",
        "file:///etc/passwd",
        "http://[::1]/",
    ],
)
async def test_a_redirect_is_not_followed(status: int, location: str) -> None:
    transport = Recording(status, location)
    assert len(await fetched(f"{PUBLIC}{PATH}", transport)) == 1


PATHS = [
    "/cache/%2e%2e/internal/x",
    "/cache/%2E%2E%2Finternal/x",
    "/cache/.%2e/x",
    "/cache/..\\..\\internal",
    "/cache/%2e%2e%5cinternal",
    "/cache/..%5c..%5cinternal",
    "/..%2f..%2fetc/passwd",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("base", [PUBLIC, "http://evil.test", INTERNAL])
async def test_a_path_that_hides_its_way_up_is_not_asked_for(base: str, path: str) -> None:
    assert await fetched(base + path) == []


@pytest.mark.parametrize(
    "path", ["/cache/../../x", "/../../x", "/cache/..", "//evil.test/x", "/\\evil.test/x"]
)
async def test_a_path_up_stays_at_the_server(path: str) -> None:
    for went in await fetched(PUBLIC + path):
        assert origin(went) == ("http", "10.0.0.7", 8080)
        assert ".." not in went.path


OTHER_DOORS = [
    "/internal/connections/edit",
    "/info/info.json",
    "/info/config",
    "/healthcheck",
    "/coauthoring/CommandService.ashx?c=version",
    "/ConvertService.ashx?url=http://evil.test/",
    "/cache/files/../../internal/x",
    "/cache/files/%2e%2e/%2e%2e/internal/x",
    "/cache/files/..%2f..%2finternal/x",
    "/cache/files/..\\..\\internal/x",
    "/internal/x?/cache/files/x",
    "/internal/x#/cache/files/x",
    "/internal/x;/cache/files/x",
    "/internal/%2fcache/files/x",
    "/cache/filesystem/x",
    "/CACHE/FILES/x",
    "/cache/files/",
    "/cache/files",
    "/cache/files/x\r\nX: y",
    "/cache/files/x y",
    "/cache/files/" + "x" * 3000,
]


@pytest.mark.parametrize("path", OTHER_DOORS, ids=lambda path: path[:40])
def test_a_person_cannot_have_us_look_behind_the_servers_other_doors(path: str) -> None:
    assert not may_be_a_result(PUBLIC + path)


@pytest.mark.parametrize("url", SCHEMES, ids=repr)
def test_a_person_cannot_have_us_speak_another_scheme(url: str) -> None:
    assert not may_be_a_result(url)


@pytest.mark.parametrize("name", ["userinfo", "backslash", "fragment", "question mark", "CRLF", "NUL", "tab"])
def test_a_person_cannot_play_two_readers_of_a_url_against_each_other(name: str) -> None:
    assert not may_be_a_result(f"https://{HOSTS[name]}{PATH}")


def test_a_result_may_be_one() -> None:
    for base in (PUBLIC, INTERNAL, "http://[::1]:8080"):
        assert may_be_a_result(base + PATH + "&filename=My%20Plan.docx")


async def test_what_is_configured_may_be_private_and_is_asked() -> None:
    assert await fetched(PUBLIC + PATH) == [httpx.URL(INTERNAL + PATH)]
    assert await fetched(LISTED + PATH) == [httpx.URL(LISTED + PATH)]
    assert await fetched(LISTED.upper().replace("HTTPS", "https") + PATH) == [httpx.URL(LISTED + PATH)]


@pytest.mark.parametrize("status", [401, 403, 404, 410, 500, 503])
async def test_whatever_it_answers_nobody_else_is_asked(status: int) -> None:
    transport = Recording(status)
    async with HttpDocumentServer(PLACE, FakeBlobs(), None, transport) as client:
        with pytest.raises((DownloadFailed, DownloadGone)):
            await client.fetch(PUBLIC + PATH)
    assert len(transport.went) == 1


SINKS = ["url", "changesurl", "formsdataurl"]


@pytest.mark.parametrize("sink", SINKS)
@pytest.mark.parametrize("host", ["169.254.169.254", "[::ffff:169.254.169.254]", "evil.test", "localhost:1"])
async def test_a_signed_callback_leads_to_the_configured_server_alone(
    service: Service, sink: str, host: str
) -> None:
    """Even its signature buys no other host: nobody is asked but the fake server, which writes it down."""
    file = await service.add()
    key = await service.begin(file)
    claims = {"url": service.server.result(f"{key}_1", word("Newer words.")), "forcesavetype": 1}
    claims[sink] = f"http://{host}/cache/files/data/{key}_2/of-{sink}"
    await service.told(6, key, filetype="docx", lastsave=second(1), **claims)
    asked = [path for path in service.server.fetches if path.endswith(f"of-{sink}")]
    assert asked or sink != "url"
