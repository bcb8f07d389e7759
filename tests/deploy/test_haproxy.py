"""deploy/haproxy.cfg in a real HAProxy: what becomes of requests when a node dies or stands still."""

from __future__ import annotations

import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from subprocess import DEVNULL

import httpx
import pytest
import trio

from tests.deploy.proxy import DEPLOY, DOCS, Named, certificate, listens
from tests.infrastructure.raw_server import RawServer, Reply, Request, says
from tests.infrastructure.raw_server import running as raw_server
from tests.ports import free_port
from tests.web.service import DEADLINE

CALLBACK = "/api/onlyoffice/callback"
NODES = ("node1:8080", "node2:8080", "node3:8080")
OK = says("200 OK", b'{"error":0}')


class Node:
    """Answers as it is told, and counts what it was asked."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.bodies: list[bytes] = []
        self.answer: Reply = OK
        self.well = True

    async def __call__(self, stream: trio.SocketStream, request: Request) -> None:
        if path_of(request) == "/healthz":
            await (OK if self.well else dies)(stream, request)
            return
        self.asked[path_of(request)] += 1
        self.bodies.append(request.body)
        await self.answer(stream, request)


def path_of(request: Request) -> str:
    return request.line.split()[1]


async def dies(stream: trio.SocketStream, request: Request) -> None:
    await stream.aclose()


async def hangs(stream: trio.SocketStream, request: Request) -> None:
    await trio.sleep(DEADLINE * 10)


@asynccontextmanager
async def haproxy(folder: Path, nodes: list[RawServer], program: str) -> AsyncIterator[httpx.AsyncClient]:
    port, trusted = free_port(), certificate(folder)
    pem = (folder / "fullchain.pem").read_bytes() + (folder / "privkey.pem").read_bytes()
    (folder / "both.pem").write_bytes(pem)
    text = (DEPLOY / "haproxy.cfg").read_text()
    text = text.replace("bind :443", f"bind 127.0.0.1:{port}")
    text = text.replace("/etc/haproxy/docs.example.com.pem", str(folder / "both.pem"))
    for address, node in zip(NODES, nodes, strict=True):
        assert address in text
        text = text.replace(address, node.url.removeprefix("http://"))
    (folder / "haproxy.cfg").write_text(text)
    log = (folder / "haproxy.log").open("wb")
    command = [program, "-db", "-f", str(folder / "haproxy.cfg")]
    process = await trio.lowlevel.open_process(command, stdin=DEVNULL, stdout=log, stderr=log)
    try:
        with trio.fail_after(DEADLINE):
            while not await listens(port):
                assert process.poll() is None, (folder / "haproxy.log").read_text()
                await trio.sleep(0.02)  # another process is waited for
        async with client(port, trusted) as asking:
            yield asking
    finally:
        process.terminate()
        with trio.CancelScope(shield=True, deadline=trio.current_time() + DEADLINE):
            await process.wait()
        log.close()


def client(port: int, trusted: ssl.SSLContext) -> httpx.AsyncClient:
    transport = Named(httpx.AsyncHTTPTransport(verify=trusted), DOCS)
    return httpx.AsyncClient(
        transport=transport,
        base_url=f"https://127.0.0.1:{port}",
        headers={"Host": DOCS},
        timeout=DEADLINE,
    )


@pytest.fixture
async def nodes() -> list[Node]:
    return [Node(), Node(), Node()]


@pytest.fixture
async def http(tmp_path: Path, nodes: list[Node], balancer: str) -> AsyncIterator[httpx.AsyncClient]:
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(raw_server(node)) for node in nodes]
        yield await stack.enter_async_context(haproxy(tmp_path, servers, balancer))


async def test_a_callback_that_meets_a_dying_node_is_taken_by_another(
    http: httpx.AsyncClient, nodes: list[Node]
) -> None:
    body = b'{"token":"' + b"x" * 60_000 + b'"}'
    nodes[0].answer = nodes[1].answer = dies
    for _ in range(3):
        answer = await http.post(CALLBACK, content=body)
        assert answer.json() == {"error": 0}
    assert nodes[2].asked[CALLBACK] == 3
    assert set(nodes[2].bodies) == {body}, "the whole of it"


async def test_an_upload_is_not_made_twice(http: httpx.AsyncClient, nodes: list[Node]) -> None:
    for node in nodes:
        node.answer = dies
    with trio.fail_after(DEADLINE):
        answer = await http.post("/api/files", content=b"a file")
    assert answer.status_code == 502
    assert sum(node.asked["/api/files"] for node in nodes) == 1


async def test_a_node_that_stands_still_is_left(http: httpx.AsyncClient, nodes: list[Node]) -> None:
    """And what it was asked goes to another, where the Document Server would have waited for ten minutes."""
    stopped: list[Node] = []

    def standing_still(node: Node) -> Reply:
        async def hang(stream: trio.SocketStream, request: Request) -> None:
            node.well = False
            stopped.append(node)
            for other in nodes:
                other.answer = OK
            await trio.sleep_forever()

        return hang

    for node in nodes:
        node.answer = standing_still(node)
    with trio.fail_after(DEADLINE):
        answer = await http.post(CALLBACK, content=b"{}")
    assert answer.json() == {"error": 0}
    for _ in range(3):
        assert (await http.post(CALLBACK, content=b"{}")).json() == {"error": 0}
    assert stopped[0].asked[CALLBACK] == 1, "nobody is sent to it any more"


async def test_a_node_hears_for_whom_it_is_asked(http: httpx.AsyncClient, nodes: list[Node]) -> None:
    heard: list[Request] = []

    async def listens_well(stream: trio.SocketStream, request: Request) -> None:
        heard.append(request)
        await OK(stream, request)

    for node in nodes:
        node.answer = listens_well
    await http.get("/")
    assert heard[0].headers["host"] == DOCS
    assert heard[0].headers["x-forwarded-proto"] == "https"
    assert heard[0].headers["x-forwarded-for"] == "127.0.0.1"
