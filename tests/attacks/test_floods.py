"""Too much of everything: callbacks forged, recorded and genuine, bodies without end, standing readers."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio
from starlette.requests import Request
from starlette.types import Message
from trio.testing import MockClock

from application.ports import TooLarge
from application.trust import A_SECOND, REMEMBERED, Trust
from infrastructure.limits import FORGERIES
from tests.attacks.forging import STRANGER
from tests.web.fake_server import envelope, signed
from tests.web.life import Running
from tests.web.service import CALLBACK, Service, second, word
from web.bodies import IDLE, SLACK, SLOWEST, Body, BrokenOff, whole
from web.connections import STALLED, Stock
from web.serving import Connections

NEWER = word("Newer words.")
BOUND = int(FORGERIES.partition("/")[0])


async def sent(service: Service, body: Any, headers: dict[str, str] | None = None) -> tuple[int, int]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await service.http.post(service.url + CALLBACK, content=content, headers=headers or {})
    return answer.status_code, answer.json()["error"]


def letter(service: Service, key: str, status: int = 2, number: int = 1) -> dict[str, Any]:
    url = service.server.result(f"{key}_{number}", NEWER)
    return {"key": key, "status": status, "url": url, "filetype": "docx", "lastsave": second(number)}


async def genuine(service: Service, claims: dict[str, Any]) -> tuple[int, int]:
    headers, body = envelope(claims)
    return await sent(service, body, headers)


@pytest.mark.parametrize("reply", ["always", "durable"])
async def test_forgers_are_not_read_for_ever_and_the_server_is_heard_all_the_same(
    running: Running, reply: str
) -> None:
    """Though it seems to come from their address, as behind a proxy that nobody has named."""
    service = await running(callback_reply=reply)
    file = await service.add()
    key = await service.begin(file)
    forged = envelope(letter(service, key), STRANGER)
    for _ in range(BOUND):
        assert await sent(service, forged[1]) == ((200, 0) if reply == "always" else (403, 1))
    assert await sent(service, forged[1], forged[0]) == (429, 1)
    assert await sent(service, b"x" * 5_000_000) == (429, 1)
    editors = {"Authorization": f"Bearer {(await service.open(file))['token']}"}
    assert await sent(service, forged[1], editors) == (429, 1), "who edits has a token of the same signature"
    headers, body = envelope(letter(service, key))
    assert await sent(service, body, headers) == (200, 0)
    assert await service.content(file) == NEWER


async def test_a_documents_bound_is_used_up_by_nobody_but_its_server(running: Running) -> None:
    service = await running(callback_limit="3/minute")
    file = await service.add()
    key = await service.begin(file)  # the first
    for _ in range(5):
        await sent(service, envelope(letter(service, key), STRANGER)[1])
        await sent(service, {"key": key, "status": 2})
    assert await genuine(service, letter(service, key, 6, 1)) == (200, 0)
    assert await genuine(service, letter(service, key, 6, 2)) == (200, 0)
    assert await genuine(service, letter(service, key, 6, 3)) == (429, 1)
    assert await genuine(service, letter(service, key, 2, 4)) == (429, 1), "it will try again"
    assert await service.told(1, key, users=["u"]) == (200, 0), "no editor is warned"
    other = await service.begin(await service.add())
    assert await genuine(service, letter(service, other)) == (200, 0)


async def test_what_was_refused_for_its_number_is_taken_in_the_next_window(running: Running) -> None:
    service = await running(callback_limit="1/second")
    file = await service.add()
    key = await service.key(file)
    answers = [await genuine(service, letter(service, key))]
    while answers[-1] != (429, 1):
        answers.append(await genuine(service, letter(service, key)))
    await trio.sleep(1.1)
    assert await genuine(service, letter(service, key, 2, 2)) == (200, 0)


@pytest.mark.parametrize("status", [1, 2, 4, 6])
async def test_a_recorded_callback_changes_nothing_a_second_time(service: Service, status: int) -> None:
    file = await service.add()
    key = await service.key(file)
    extra = {"users": ["somebody"]} if status == 1 else {}
    claims = {**letter(service, key, status), **extra} if status in {2, 6} else {"key": key, "status": status}
    token = signed({**claims, **extra})
    assert await sent(service, {"token": token}) == (200, 0)
    await service.told(1, key, users=["u"])  # and life goes on
    before, versions = await service.events(key), await service.versions(file)
    await trio.sleep(A_SECOND + 0.1)
    for _ in range(3):
        assert await sent(service, {"token": token}) == (200, 0)
    assert await service.events(key) == before
    assert await service.versions(file) == versions


async def test_recorded_callbacks_do_not_use_up_a_documents_bound(running: Running) -> None:
    service = await running(callback_limit="4/minute")
    file = await service.add()
    key = await service.begin(file)
    token = signed(letter(service, key, 6))
    await sent(service, {"token": token})
    await trio.sleep(A_SECOND + 0.1)
    answers = [await sent(service, {"token": token}) for _ in range(BOUND + 1)]
    assert answers == [(200, 0)] * BOUND + [(429, 1)]
    headers, body = envelope(letter(service, key, 2, 2))
    assert await sent(service, body, headers) == (200, 0)


async def test_what_was_heard_is_not_remembered_without_bound(autojump_clock: MockClock) -> None:
    trust = Trust(None)  # type: ignore[arg-type]  # it is not asked
    for number in range(REMEMBERED + 1):
        assert not trust.heard(f"{number}")
    assert not trust.heard(f"{REMEMBERED}"), "a server may say the same twice in a second"
    await trio.sleep(A_SECOND + 1)
    assert trust.heard(f"{REMEMBERED}")
    assert not trust.heard("0"), "it has been forgotten"
    assert not trust.heard("")
    assert not trust.heard("")


def trickle(seconds: float, size: int = 1) -> Request:
    """A request whose body comes in small pieces, for ever."""

    async def receive() -> Message:
        await trio.sleep(seconds)
        return {"type": "http.request", "body": b"x" * size, "more_body": True}

    return Request({"type": "http", "headers": []}, receive)


@pytest.mark.parametrize("pause", [0.5, 5.0, IDLE - 1])
async def test_a_body_that_trickles_does_not_hold_a_connection(
    autojump_clock: MockClock, pause: float
) -> None:
    began = trio.current_time()
    with pytest.raises(BrokenOff):
        async for _ in Body(trickle(pause)):
            pass
    assert trio.current_time() - began <= SLACK + 2
    with pytest.raises(BrokenOff):
        await whole(trickle(pause), 10**6)
    assert trio.current_time() - began <= 2 * SLACK + 3


async def test_a_slow_honest_upload_gets_through(autojump_clock: MockClock) -> None:
    began, body = trio.current_time(), Body(trickle(1, int(SLOWEST) + 1))
    while trio.current_time() - began < 3600:
        await anext(body)


async def test_a_small_body_does_not_grow_without_bound(autojump_clock: MockClock) -> None:
    with pytest.raises(TooLarge):
        await whole(trickle(0.001, 1024), 64 * 1024)


class Standing:
    """A client's end that takes nothing."""

    closed = False

    async def send_all(self, data: bytes) -> None:
        await trio.sleep_forever()

    async def aclose(self) -> None:
        self.closed = True


async def test_a_reader_who_takes_nothing_is_cut(autojump_clock: MockClock) -> None:
    stream = Standing()
    connection = Stock(None, None, None, None, stream)  # type: ignore[arg-type]
    began = trio.current_time()
    with pytest.raises(trio.ClosedResourceError):
        await connection._send(b"x" * 100)
    assert trio.current_time() - began == STALLED
    assert stream.closed


async def test_connections_beyond_what_files_there_are_for_are_cut_at_once(autojump_clock: MockClock) -> None:
    served: list[object] = []

    async def connect(stream: object) -> None:
        served.append(stream)
        await trio.sleep(10)

    connections, streams = Connections(3, connect), [Standing() for _ in range(5)]
    async with trio.open_nursery() as nursery:
        for stream in streams:
            nursery.start_soon(connections.take, stream)
            await trio.sleep(0.1)
    assert served == streams[:3]
    assert [stream.closed for stream in streams] == [False] * 3 + [True] * 2
    await connections.take(streams[0])  # type: ignore[arg-type]
    assert len(served) == 4, "the places are free again"


@pytest.mark.parametrize(
    "body",
    [
        b'{"shares":' * 50_000,
        b"[" * 60_000,
        b'{"name":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        b'{"name":"' + b"x" * 70_000 + b'"}',
        b'{"name":' + b"9" * 5_000 + b"}",
        b'{"name":1e999}',
        b'{"name":"\\ud800"}',
        b'{"name":"a","name":["b"]}',
        b"\xff\xfe{}",
        b"null",
    ],
    ids=range(10),
)
async def test_deep_and_odd_json_is_refused(service: Service, body: bytes) -> None:
    file = await service.add()
    refused = await service.ask("PATCH", f"/api/files/{file}", content=body)
    assert refused.status_code in {400, 413}


async def test_a_file_beyond_the_limit_is_not_kept(running: Running) -> None:
    service = await running(max_file_bytes=10_000)
    for content in (b"x" * 10_001, b"x" * 3_000_000):
        refused = await service.post("/api/files", files={"file": ("a.txt", content)})
        assert (refused.status_code, refused.json()["code"]) == (413, "too_large")
    kept = [path for path in service.settings.blobs_path.rglob("*") if path.is_file()]
    assert not kept
