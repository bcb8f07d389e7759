"""The Document Server's client, against servers that redirect, cut, lie, stall and misdirect."""

from __future__ import annotations

import hashlib
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import trio
from hypothesis import example, given
from hypothesis import strategies as st
from trio.testing import MockClock

from application.ports import Answer, DownloadFailed, DownloadGone, ServerUnreachable, StorageFailed, TooLarge
from application.tokens import NoSecret
from infrastructure.document_server import COMMANDS_AT_ONCE, Endpoint, HttpDocumentServer
from infrastructure.result_urls import result_url
from tests.fakes import FakeBlobs
from tests.infrastructure.raw_server import RawServer, Reply, Request, answers, running, says, stalls

OFFER = "/cache/files/data/k_1/output.docx?md5=a_b-&expires=17&filename=output.docx"
BODY = b"PK" + bytes(1000)
QUICK = Endpoint("", "", command_seconds=1, info_seconds=1, download_seconds=5, idle_seconds=1)


def sign(parameters: Any) -> str:
    return "signed " + json.dumps(dict(parameters), sort_keys=True)


def client_for(server: RawServer, blobs: FakeBlobs | None = None, **changes: Any) -> HttpDocumentServer:
    ours: dict[str, Any] = {"public_url": "https://office.example.com", "internal_url": server.url}
    return HttpDocumentServer(replace(QUICK, **(ours | changes)), blobs or FakeBlobs(), sign)


async def fetched(reply: Reply, **changes: Any) -> bytes | Exception:
    """What was stored of a download through a real connection, or why it was not."""
    blobs = FakeBlobs()
    async with running(reply) as server, client_for(server, blobs, **changes) as client:
        try:
            blob = await client.fetch("https://office.example.com" + OFFER)
        except (DownloadFailed, TooLarge) as refused:
            assert not blobs.stored
            return refused
    return blobs.stored[blob.sha256]


# Commands


async def test_a_command_is_a_signed_token_and_nothing_else() -> None:
    async with running(answers(key="k/1", error=0)) as server, client_for(server) as client:
        assert await client.command("forcesave", "k/1", userdata="x") == Answer(0, {"key": "k/1", "error": 0})
    (request,) = server.requests
    assert request.line == "POST /coauthoring/CommandService.ashx?shardkey=k%2F1 HTTP/1.1"
    assert json.loads(request.body) == {"token": sign({"c": "forcesave", "key": "k/1", "userdata": "x"})}
    assert request.headers["content-type"] == "application/json"


async def test_with_jwt_off_the_parameters_go_plain_and_no_key_is_sent_where_there_is_none() -> None:
    async with (
        running(answers(error=0, version="9.3")) as server,
        HttpDocumentServer(replace(QUICK, internal_url=server.url), FakeBlobs(), None) as client,
    ):
        assert (await client.command("version")).body["version"] == "9.3"
    assert json.loads(server.requests[0].body) == {"c": "version"}
    assert server.requests[0].line == "POST /coauthoring/CommandService.ashx HTTP/1.1"


async def test_the_path_that_works_is_remembered_until_it_does_not() -> None:
    replies = [
        says("404 Not Found"),
        answers(error=4),
        answers(error=4),
        says("404 Not Found"),
        answers(error=0),
    ]
    async with running(*replies) as server, client_for(server) as client:
        assert [(await client.command("forcesave", "k")).error for _ in range(3)] == [4, 4, 0]
    paths = [request.line.split()[1].partition("?")[0] for request in server.requests]
    old, new = "/coauthoring/CommandService.ashx", "/command"
    assert paths == [old, new, new, new, old]


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (says("404 Not Found"), "404"),
        (says("502 Bad Gateway", b'{"error":0}'), "502"),
        (says("302 Found", b"", "Location: http://169.254.169.254/"), "302"),
        (says("200 OK", b"<html>"), "not JSON"),
        (says("200 OK", b'{"error":0}', length=99), "peer closed"),
        (says("200 OK", b"[" * 100_000), "not JSON"),
        (says("200 OK", b"[]"), "no error code"),
        (says("200 OK", b'{"error":"0"}'), "no error code"),
        (says("200 OK", b'{"error":true}'), "no error code"),
        (says("200 OK", b" " * 9_000_000), "too long"),
        (says("rubbish"), "illegal status line"),
    ],
)
async def test_an_unusable_answer_is_told_in_plain_words(reply: Reply, why: str) -> None:
    async with running(reply) as server, client_for(server, command_seconds=10) as client:
        with pytest.raises(ServerUnreachable, match=why):
            await client.command("forcesave", "k")


@pytest.mark.parametrize("name", ["info", "forcesave"])
@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"])
async def test_a_stalled_answer_is_not_waited_for(said: bytes, name: str) -> None:
    async with running(stalls(said)) as server, client_for(server) as client:
        with pytest.raises(ServerUnreachable, match=rf"no answer to {name} within 1 s"):
            await client.command(name, "k")


async def test_nobody_there_is_unreachable() -> None:
    async with running(answers(error=0)) as server:
        client = client_for(server, command_seconds=2)
    async with client:
        with pytest.raises(ServerUnreachable, match="no answer to version"):
            await client.command("version")


async def test_without_a_secret_nothing_is_sent() -> None:
    def refuse(parameters: Any) -> str:
        raise NoSecret("no Document Server secret is configured")

    asked = Recording()
    async with HttpDocumentServer(SITE, FakeBlobs(), refuse, asked.transport) as client:
        with pytest.raises(ServerUnreachable, match="no Document Server secret"):
            await client.command("version")
    assert not asked.urls


async def test_waiting_infos_do_not_hold_up_the_other_commands() -> None:
    commands: list[str] = []
    full = trio.Event()

    async def reply(stream: trio.SocketStream, request: Request) -> None:
        commands.append(json.loads(json.loads(request.body)["token"].removeprefix("signed "))["c"])
        if len(commands) == COMMANDS_AT_ONCE:
            full.set()
        await (stalls() if commands[-1] == "info" else answers(error=0))(stream, request)

    async with (
        running(reply) as server,
        client_for(server, info_seconds=30, command_seconds=5) as client,
        trio.open_nursery() as nursery,
    ):
        for _ in range(3 * COMMANDS_AT_ONCE):
            nursery.start_soon(client.command, "info", "k")
        with trio.fail_after(5):
            await full.wait()
        assert (await client.command("forcesave", "k")).error == 0
        nursery.cancel_scope.cancel()
    assert commands == ["info"] * COMMANDS_AT_ONCE + ["forcesave"]


# Downloads


async def test_offered_bytes_come_from_the_internal_address_and_are_stored() -> None:
    blobs = FakeBlobs()
    async with (
        running(says("200 OK", BODY)) as server,
        client_for(
            server, blobs, public_url="https://office.example.com/ds", internal_url=server.url + "/in"
        ) as client,
    ):
        blob = await client.fetch("https://office.example.com/ds" + OFFER)
    assert blobs.stored == {hashlib.sha256(BODY).hexdigest(): BODY}
    assert blob.size == len(BODY)
    (request,) = server.requests
    assert request.line == f"GET /in{OFFER} HTTP/1.1"
    assert request.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "reply",
    [
        says("200 OK", BODY),
        says("200 OK", BODY, "Content-Encoding: identity"),
        says(
            "200 OK",
            b"2\r\nPK\r\n3e8\r\n" + bytes(1000) + b"\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked",
            length=-1,
        ),
    ],
)
async def test_a_whole_body_is_taken(reply: Reply) -> None:
    assert await fetched(reply) == BODY


async def test_an_empty_body_is_whole_too() -> None:
    assert await fetched(says("200 OK")) == b""


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "410 Gone"])
async def test_a_dead_url_needs_a_fresh_one(status: str) -> None:
    assert isinstance(await fetched(says(status, BODY)), DownloadGone)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (says("500 Oops", BODY), "500"),
        (says("206 Partial Content", BODY), "206"),
        (says("204 No Content", length=-1), "204"),
        (says("302 Found", b"", "Location: http://169.254.169.254/latest/meta-data/"), "302"),
        (says("200 OK", BODY, length=len(BODY) + 1), "broke off"),
        (says("200 OK", b"ff\r\nPK", "Transfer-Encoding: chunked", length=-1), "broke off"),
        (says("200 OK", BODY, length=-1), "length is not given"),
        (says("200 OK", BODY, "Content-Encoding: gzip"), "compressed"),
        (says("200 OK", BODY, f"Content-Length: {len(BODY) - 1}"), "broke off"),
        (says("rubbish"), "broke off"),
        (stalls(), "too long"),
        (stalls(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nPK"), "too long"),
    ],
)
async def test_a_broken_transfer_is_told_apart_from_a_dead_url(reply: Reply, why: str) -> None:
    failed = await fetched(reply)
    assert isinstance(failed, DownloadFailed)
    assert why in str(failed)
    assert not isinstance(failed, DownloadGone)


@pytest.mark.parametrize(
    "reply",
    [
        says("200 OK", b"", length=10**12),
        says("200 OK", b"401\r\n" + bytes(1025) + b"\r\n", "Transfer-Encoding: chunked", length=-1),
    ],
)
async def test_too_much_is_not_waited_for(reply: Reply) -> None:
    assert isinstance(await fetched(reply, max_bytes=1024), TooLarge)
    assert await fetched(says("200 OK", bytes(1024)), max_bytes=1024) == bytes(1024)


async def test_a_broken_store_is_not_blamed_on_the_server() -> None:
    blobs = FakeBlobs()
    blobs.broken = "disk full"
    async with running(says("200 OK", BODY)) as server, client_for(server, blobs) as client:
        with pytest.raises(StorageFailed, match="disk full"):
            await client.fetch("https://office.example.com" + OFFER)


class Dripping(httpx.AsyncByteStream):
    def __init__(self, pause: float) -> None:
        self._pause = pause

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await trio.sleep(self._pause)
            yield b"x"


@pytest.mark.parametrize(("pause", "ends"), [(14.9, 120), (15.1, 15)])
async def test_a_slow_drip_is_cut_by_one_clock_or_the_other(
    autojump_clock: MockClock, pause: float, ends: float
) -> None:
    def reply(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"Content-Length": "1000000"}, stream=Dripping(pause))

    began = trio.current_time()
    async with HttpDocumentServer(SITE, FakeBlobs(), sign, httpx.MockTransport(reply)) as client:
        with pytest.raises(DownloadFailed, match="too long"):
            await client.fetch("http://x/y")
    assert trio.current_time() - began == pytest.approx(ends)


async def test_the_length_is_checked_whatever_the_transport_did() -> None:
    def reply(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"Content-Length": "10"}, stream=httpx.ByteStream(b"PK"))

    async with HttpDocumentServer(SITE, FakeBlobs(), sign, httpx.MockTransport(reply)) as client:
        with pytest.raises(DownloadFailed, match="2 of 10 bytes"):
            await client.fetch("http://x/y")


# Where we talk to

SITE = Endpoint("https://office.example.com/ds", "http://10.0.0.2:8000/in", ("https://cdn.example.com",))
PLACE = (SITE.public_url, SITE.internal_url, SITE.result_origins)
ALLOWED = {("http", "10.0.0.2", 8000), ("https", "cdn.example.com", None)}


class Recording:
    def __init__(self) -> None:
        self.urls: list[httpx.URL] = []
        self.transport = httpx.MockTransport(self._reply)

    def _reply(self, request: httpx.Request) -> httpx.Response:
        self.urls.append(request.url)
        return httpx.Response(302, headers={"Location": "http://169.254.169.254/latest/meta-data/"})


MISDIRECTED = Recording()  # one for all examples, since a client takes 20 ms to make
MISDIRECTED_CLIENT = HttpDocumentServer(SITE, FakeBlobs(), sign, MISDIRECTED.transport)


def urls() -> st.SearchStrategy[str]:
    scheme = st.sampled_from(
        ["http://", "https://", "HTTP://", "ftp://", "file:///", "//", "/", "http:/", "http:\\\\", ""]
    )
    host = st.sampled_from(
        ["169.254.169.254", "office.example.com", "cdn.example.com", "[::1]", "evil.example", "ⓔvil", ""]
    )
    glue = st.sampled_from(
        ["", "@", "\\@", ":80@", "#@", "?@", "/", "\\", ":443", ":99999", ".", "%00", "\r\n", "\t"]
    )
    rest = st.sampled_from(
        ["/", "//evil.example/x", "/../x", "/%2e%2e/x", "/ds/x", "/@evil", "?u=http://evil", "#f", ""]
    )
    crafted = st.builds("".join, st.tuples(scheme, host, glue, host, glue, rest, st.text(max_size=5)))
    return st.one_of(st.text(), crafted)


@given(url=urls())
@example(url="http://user:pass@cdn.example.com/x")
@example(url="https://cdn.example.com@evil.example/x")
@example(url="https://cdn.example.com:444/x")
@example(url="http://\ud800/")
def test_whatever_the_url_only_configured_hosts_are_asked(url: str) -> None:
    MISDIRECTED.urls.clear()
    with pytest.raises(DownloadFailed):
        trio.run(MISDIRECTED_CLIENT.fetch, url)
    assert len(MISDIRECTED.urls) <= 1, "no redirect is followed"
    assert {(where.scheme, where.host, where.port) for where in MISDIRECTED.urls} <= ALLOWED
    assert not any(where.userinfo for where in MISDIRECTED.urls)


@pytest.mark.parametrize(
    ("offered", "asked"),
    [
        (
            "https://office.example.com/ds/cache/x?md5=a%2Fb&y=ü",
            "http://10.0.0.2:8000/in/cache/x?md5=a%2Fb&y=%C3%BC",
        ),
        ("http://127.0.0.1:9/cache/x", "http://10.0.0.2:8000/in/cache/x"),
        ("https://office.example.com/dsx/y", "http://10.0.0.2:8000/in/dsx/y"),
        ("https://office.example.com/ds/ds/y#z", "http://10.0.0.2:8000/in/ds/y"),
        ("https://office.example.com", "http://10.0.0.2:8000/in/"),
        ("https://evil.example//other.example/y", "http://10.0.0.2:8000/in//other.example/y"),
        ("https://cdn.example.com:443/ds/x?y#z", "https://cdn.example.com/ds/x?y"),
        ("http://cdn.example.com/x", "http://10.0.0.2:8000/in/x"),
    ],
)
def test_path_and_query_are_all_that_counts(offered: str, asked: str) -> None:
    assert str(result_url(offered, *PLACE)) == asked


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/cache/x",
        "//h/x",
        "ftp://h/x",
        "http://",
        "http://u@h/",
        "http://:p@h/",
        "http://h/%2e%2E/x",
        "http://h/\n",
    ],
)
def test_what_is_no_plain_url_is_refused(url: str) -> None:
    with pytest.raises(DownloadFailed):
        result_url(url, *PLACE)


def test_a_missing_bundle_of_authorities_is_an_error_at_the_start(tmp_path: Any) -> None:
    with pytest.raises(FileNotFoundError):
        HttpDocumentServer(replace(SITE, ca_bundle=tmp_path / "none.pem"), FakeBlobs(), sign)
    (tmp_path / "empty.pem").write_text("")
    with pytest.raises(ssl.SSLError):
        HttpDocumentServer(replace(SITE, ca_bundle=tmp_path / "empty.pem"), FakeBlobs(), sign)
