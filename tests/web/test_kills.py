"""The service is killed at the worst moment: what it had acknowledged is there when it is back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from tests.infrastructure.raw_server import says
from tests.service import Service, eventually
from tests.trouble import broken, locked
from tests.web.fake_server import SECRET, FakeServer, envelope, withheld
from tests.web.service import CALLBACK, second, word

NEWER = word("Newer words.")
SETTINGS = {"AUTOSAVE_SECONDS": "3600", "CALLBACK_BUDGET_SECONDS": "7", "LOG_LEVEL": "warning"}


class Killable:
    """A `docledger serve` of its own; whatever waits for it does so in a thread."""

    def __init__(self, service: Service, server: FakeServer, http: httpx.AsyncClient) -> None:
        self.service, self._server, self._http = service, server, http
        self.file = self.key = ""

    async def start(self) -> None:
        await trio.to_thread.run_sync(self.service.start)

    async def open(self) -> None:
        """A document that somebody edits."""
        self.file = (await self.asks(lambda: self.service.file("Welcome.docx")))["id"]
        self.key = await self.asks(lambda: self.service.key(self.file))
        assert await self.told({"status": 1, "users": ["ada"]}) == (200, 0)

    async def asks(self, question: Callable[[], Any]) -> Any:
        return await trio.to_thread.run_sync(question)

    async def told(self, claims: dict[str, Any]) -> tuple[int, int]:
        headers, body = envelope({"key": self.key, **claims})
        answer = await self._http.post(self.service.url + CALLBACK, headers=headers, json=body)
        return answer.status_code, answer.json()["error"]

    def offer(self, status: int, url: str) -> dict[str, Any]:
        return {
            "status": status,
            "url": url,
            "filetype": "docx",
            "users": ["ada"],
            "lastsave": second(1),
            "forcesavetype": 0,
        }

    async def stored(self) -> None:
        """The newer words are a version, byte for byte, and the head."""
        service, file = self.service, self.file
        versions = await self.asks(
            lambda: eventually(
                lambda: len(found := service.versions(file)) > 1 and found, "a version is there"
            )
        )
        assert [version["head"] for version in versions] == [True, True]
        assert await self.asks(lambda: service.content(file, 2)) == NEWER


@pytest.fixture
async def killable(tmp_path: Path, server: FakeServer) -> AsyncIterator[Killable]:
    service = Service(tmp_path, DOCUMENT_SERVER_URL=server.url, DOCUMENT_SERVER_SECRET=SECRET, **SETTINGS)
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        killable = Killable(service, server, http)
        try:
            await killable.start()
            await killable.open()
            yield killable
        finally:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(service.close)


async def test_killed_while_it_fetches(killable: Killable, server: FakeServer) -> None:
    gate = trio.Event()
    url = server.result("slow", withheld(gate, says("200 OK", NEWER)), NEWER)
    async with trio.open_nursery() as nursery:

        async def unanswered() -> None:
            with pytest.raises(httpx.RemoteProtocolError):
                await killable.told(killable.offer(6, url))

        nursery.start_soon(unanswered)
        with trio.fail_after(10):
            while not server.fetches:  # noqa: ASYNC110 (another process is at work)
                await trio.sleep(0.01)
        killable.service.kill()
    await killable.start()
    await killable.stored()


async def test_killed_between_a_result_and_what_it_is_converted_to(
    killable: Killable, server: FakeServer
) -> None:
    """The server offers a text for a docx file, and its conversion is under way."""
    gate = trio.Event()
    url = server.result("text", b"Newer words.\n")
    made = server.result("made", withheld(gate, says("200 OK", NEWER)), NEWER)
    server.conversion = {"endConvert": True, "fileUrl": made, "percent": 100}
    async with trio.open_nursery() as nursery:

        async def unanswered() -> None:
            with pytest.raises(httpx.RemoteProtocolError):
                await killable.told({**killable.offer(6, url), "filetype": "txt"})

        nursery.start_soon(unanswered)
        with trio.fail_after(10):
            while len(server.fetches) < 2:  # noqa: ASYNC110 (another process is at work)
                await trio.sleep(0.01)
        killable.service.kill()
    await killable.start()
    service, file = killable.service, killable.file
    versions = await killable.asks(
        lambda: eventually(lambda: len(found := service.versions(file)) > 2 and found, "both are there")
    )
    assert [(version["filetype"], version["head"]) for version in versions] == [
        ("docx", True),
        ("txt", False),
        ("docx", True),
    ]
    assert await killable.asks(lambda: service.content(file, 2)) == b"Newer words.\n"
    assert await killable.asks(lambda: service.content(file, 3)) == NEWER


async def test_killed_after_it_acknowledged_what_the_journal_would_not_take(
    killable: Killable, server: FakeServer
) -> None:
    url = server.result("1", NEWER)
    with locked(killable.service.data / "docledger.db"):
        assert await killable.told(killable.offer(6, url)) == (200, 0)
        killable.service.kill()
    server.result("1", says("410 Gone"))
    await killable.start()
    await killable.stored()
    assert not list(await trio.Path(killable.service.data / "sidecars").glob("*"))


async def test_killed_while_the_blob_store_fails(killable: Killable, server: FakeServer) -> None:
    url = server.result("1", NEWER)
    data = killable.service.data
    with broken(data / "blobs"):
        assert await killable.told(killable.offer(2, url)) == (200, 0)
        killable.service.kill()
    server.result("1", says("410 Gone"))
    await killable.start()
    await killable.stored()
    with trio.fail_after(20):
        while list(await trio.Path(data / "overflow").glob("??/*")):  # noqa: ASYNC110 (it is elsewhere)
            await trio.sleep(0.05)
    await killable.stored()
