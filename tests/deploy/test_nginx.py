"""deploy/nginx.conf in a real nginx, with a real Docledger behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
import trio

from infrastructure.blobs import LocalBlobs
from tests.deploy.proxy import BESIDE, DOCS, MAIN, OFFICE, Proxy, nginx, open_folder, site, upgraded
from tests.infrastructure.raw_server import RawServer
from tests.infrastructure.raw_server import running as raw_server
from tests.ports import free_port
from tests.web.fake_server import document_server
from tests.web.life import Running
from tests.web.service import DEADLINE, Service, signed_in, word

BYTES = word("The first words.") + bytes(300_000)  # more than nginx keeps in one buffer
MOST = 101 * 1024 * 1024


@dataclass
class Front:
    """Docledger as its clients meet it: through nginx."""

    http: httpx.AsyncClient
    proxy: Proxy
    service: Service
    office: RawServer

    async def get(self, path: str, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.get(path, headers={**signed_in("ada"), **named})

    async def added(self, content: bytes = BYTES, name: str = "notes.txt") -> str:
        answer = await self.http.post("/api/files", headers=signed_in("ada"), files={"file": (name, content)})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])


@pytest.fixture
async def front(program: str, nursery: trio.Nursery) -> AsyncIterator[Front]:
    async with (
        document_server() as server,
        raw_server(upgraded) as office,
        httpx.AsyncClient(trust_env=False, timeout=DEADLINE) as http,
    ):
        with open_folder() as folder:
            running = Running(nursery, folder, server, http)
            port = free_port()
            service = await running(
                data_dir=folder / "data",
                public_url=f"https://{DOCS}:{port}",
                storage_url=f"https://{DOCS}:{port}",
                trusted_proxies="127.0.0.1",
                accel_redirect="/blobs",
                rate_limit="400/minute",
            )
            config = MAIN.format(folder=folder, site=site(port, folder, service.url, office.url))
            async with nginx(folder, port, config, program) as proxy, proxy.client() as client:
                yield Front(client, proxy, service, office)
            await running.end_all()


def told(answer: httpx.Response) -> dict[str, str]:
    """What an answer says about itself, whoever sent it."""
    names = (
        "cache-control",
        "content-disposition",
        "content-length",
        "content-range",
        "content-security-policy",
        "content-type",
        "cross-origin-resource-policy",
        "etag",
        "last-modified",
        "ratelimit-limit",
        "referrer-policy",
        "strict-transport-security",
        "x-content-type-options",
    )
    return {name: answer.headers[name] for name in names if name in answer.headers}


RANGES = ["bytes=0-9", "bytes=5-", "bytes=-7", "bytes=0-0", "bytes=0-1,4-5"]


async def test_nginx_sends_the_same_bytes_under_the_same_headers_as_we_do(front: Front) -> None:
    path = f"/api/files/{await front.added()}/content"
    for asked in ({}, *({"Range": value} for value in RANGES)):
        ours = await front.service.get(path, headers=asked)
        theirs = await front.get(path, **asked)
        assert (ours.status_code, ours.content) == (theirs.status_code, theirs.content), asked
        assert told(ours) == told(theirs), asked
    beyond = {"Range": "bytes=999999999-"}
    for answer in (await front.service.get(path, headers=beyond), await front.get(path, **beyond)):
        assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{len(BYTES)}")
    assert (await front.get(path)).headers["Accept-Ranges"] == "bytes"


async def test_it_really_was_nginx(front: Front) -> None:
    path = f"/api/files/{await front.added()}/content"
    asked = {"X-Sendfile-Type": "X-Accel-Redirect"}
    ours = await front.service.get(path, headers=asked)
    assert ours.content == b""
    sha256 = ours.headers["ETag"].strip('"')
    assert ours.headers["X-Accel-Redirect"] == f"/blobs/{sha256[:2]}/{sha256}"
    through = await front.get(path)
    assert "X-Accel-Redirect" not in through.headers
    assert through.content == BYTES


async def test_a_known_tag_is_answered_with_304_and_a_stale_range_with_everything(front: Front) -> None:
    path = f"/api/files/{await front.added()}/content"
    tag = (await front.get(path)).headers["ETag"]
    assert (await front.get(path, If_None_Match=tag)).status_code == 304
    assert (await front.get(path, If_None_Match='"another"')).status_code == 200
    assert (await front.get(path, Range="bytes=0-3", If_Range=tag)).status_code == 206
    assert (await front.get(path, Range="bytes=0-3", If_Range='"another"')).status_code == 200
    since = "Fri, 01 Jan 2100 00:00:00 GMT"  # a file's date says nothing about which version it is
    assert (await front.get(path, If_Modified_Since=since)).status_code == 200


async def test_head_tells_the_length_and_nothing_of_where_the_bytes_are(front: Front) -> None:
    path = f"/api/files/{await front.added()}/content"
    answer = await front.http.head(path, headers=signed_in("ada"))
    assert (answer.status_code, answer.headers["Content-Length"]) == (200, str(len(BYTES)))
    assert "X-Accel-Redirect" not in answer.headers


async def test_the_document_server_gets_the_file_by_its_signed_link(front: Front) -> None:
    file = await front.added(word("The first words."), "Plan.docx")
    url = (await front.service.open(file))["config"]["document"]["url"]
    link = url.removeprefix(front.proxy.url())
    fetched = await front.http.get(link)
    assert (fetched.status_code, fetched.content) == (200, word("The first words."))
    assert (await front.http.get(link.partition("?")[0])).status_code == 403


async def test_nobody_reaches_the_blobs_past_docledger(front: Front) -> None:
    path = f"/api/files/{await front.added()}/content"
    sha256 = (await front.get(path)).headers["ETag"].strip('"')
    for guess in (f"/blobs/{sha256[:2]}/{sha256}", "/blobs/", f"/blobs/../blobs/{sha256[:2]}/{sha256}"):
        answer = await front.get(guess)
        assert (answer.status_code, len(answer.content) < 1000) == (404, True), guess


async def test_what_nginx_may_not_read_is_sent_by_us(front: Front) -> None:
    path = f"/api/files/{await front.added()}/content"
    sha256 = (await front.get(path)).headers["ETag"].strip('"')
    blobs = LocalBlobs(front.service.settings.blobs_path)
    blobs.path(sha256).chmod(0o600)
    assert (await front.get(path)).content == BYTES
    blobs.path(sha256).chmod(0o640)
    blobs.path(sha256).parent.chmod(0o700)  # we think that it may, and it learns that it may not
    assert (await front.get(path)).content == BYTES


async def test_uploads_arrive_whole_up_to_the_limit(front: Front) -> None:
    big = bytes(5_000_000)
    file = await front.added(big)
    assert (await front.get(f"/api/files/{file}/content")).content == big
    replaced = await front.http.put(f"/api/files/{file}/content", headers=signed_in("ada"), content=BYTES)
    assert replaced.status_code == 200
    assert (await front.get(f"/api/files/{file}/versions/1/content")).content == big
    async with front.proxy.line(DOCS) as line:
        await line.send_all(
            f"PUT /api/files/{file}/content HTTP/1.1\r\nHost: {DOCS}\r\n"
            f"Content-Length: {MOST + 1}\r\n\r\n".encode()
        )
        assert (await line.receive_some()).startswith(b"HTTP/1.1 413")


async def test_callbacks_pass(front: Front) -> None:
    file = await front.added(word("The first words."), "Plan.docx")
    key = await front.service.begin(file)
    through = Service("", front.service.server, front.http, front.service.settings)
    assert await through.offered(6, key, "1", word("Newer words."), forcesavetype=1) == (200, 0)
    assert (await front.get(f"/api/files/{file}/content")).content == word("Newer words.")


async def test_events_come_as_they_happen(front: Front) -> None:
    async with front.proxy.line(DOCS) as line:
        asked = f"GET /api/events HTTP/1.1\r\nHost: {DOCS}\r\n"
        await line.send_all(f"{asked}Authorization: {signed_in('ada')['Authorization']}\r\n\r\n".encode())
        heard = b""
        while b"event: position" not in heard:
            heard += await line.receive_some()
        file = await front.added()
        while f'"{file}"'.encode() not in heard:
            heard += await line.receive_some()


async def test_requests_are_counted_by_the_address_that_nginx_saw(front: Front) -> None:
    async def left(client: httpx.AsyncClient, pretended: str) -> int:
        answer = await client.get("/api/files", headers={**signed_in("ada"), "X-Forwarded-For": pretended})
        return int(answer.headers["RateLimit-Remaining"])

    async with front.proxy.client(address="127.0.0.3") as other:
        first = await left(front.http, "203.0.113.1")
        assert await left(front.http, "203.0.113.2") == first - 1
        assert await left(other, BESIDE) == 399


async def test_the_document_server_hears_under_which_name_it_is_known(front: Front) -> None:
    async with front.proxy.client(OFFICE) as client:
        await client.get("/hosting/discovery", headers={"Host": f"{OFFICE}:{front.proxy.port}"})
    heard = front.office.requests[-1]
    assert heard.line == "GET /hosting/discovery HTTP/1.1"
    assert heard.headers["x-forwarded-host"] == f"{OFFICE}:{front.proxy.port}"
    assert heard.headers["x-forwarded-proto"] == "https"
    assert heard.headers["x-forwarded-for"] == BESIDE


async def test_editors_get_their_websocket(front: Front) -> None:
    async with front.proxy.line(OFFICE) as line:
        asked = f"GET /doc/key/c/ HTTP/1.1\r\nHost: {OFFICE}\r\n"
        await line.send_all(f"{asked}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n".encode())
        assert (await line.receive_some()).startswith(b"HTTP/1.1 101")
        await line.send_all(b"a frame")
        assert await line.receive_some() == b"heard a frame"
