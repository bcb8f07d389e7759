"""CALLBACK_REPLY=durable: error 0 only when it is true, as far as that can be seen from outside."""

from __future__ import annotations

import pytest
import trio

from tests.infrastructure.raw_server import says
from tests.web.fake_server import STRANGER, FakeServer, withheld
from tests.web.life import Running
from tests.web.service import Service, second, word

pytestmark = pytest.mark.in_both

FINE, REFUSED = (200, 0), (200, 1)
NEWER = word("Newer words.")


@pytest.fixture
async def service(running: Running) -> Service:
    return await running(callback_reply="durable", callback_budget_seconds=1)


@pytest.mark.parametrize("status", [0, 1, 4, 5, 7])
async def test_what_offers_no_bytes_is_simply_acknowledged(service: Service, status: int) -> None:
    key = await service.begin(await service.add())
    assert await service.told(status, key, users=["u"], lastsave=second(1)) == FINE


@pytest.mark.parametrize("status", [2, 6])
async def test_stored_bytes_are_acknowledged_and_so_is_every_repeat(service: Service, status: int) -> None:
    key = await service.begin(await service.add())
    for _ in range(3):
        assert await service.offered(status, key, "1", NEWER) == FINE


@pytest.mark.parametrize("status", [2, 6])
async def test_bytes_that_did_not_arrive_in_time_are_not_acknowledged(
    service: Service, server: FakeServer, status: int
) -> None:
    file = await service.add()
    key = await service.begin(file)
    gate = trio.Event()
    url = server.result("late", withheld(gate, says("200 OK", NEWER)))
    claims = {
        "key": key,
        "status": status,
        "url": url,
        "filetype": "docx",
        "users": ["u"],
        "lastsave": second(1),
    }
    answer = await service.called(claims)
    assert (answer.status_code, answer.json()) == (503, {"error": 1})
    assert int(answer.headers["Retry-After"]) > 0
    gate.set()
    assert (await service.called(claims)).json() == {"error": 0}
    assert await service.content(file) == NEWER


async def test_a_dead_url_is_not_acknowledged(service: Service, server: FakeServer) -> None:
    key = await service.begin(await service.add())
    url = server.result("gone", says("404 Not Found"))
    assert await service.told(6, key, url=url, filetype="docx", users=["u"], lastsave=second(1)) == (503, 1)


async def test_no_document_is_refused_and_kept(service: Service) -> None:
    file = await service.add(content=word("The first words."))
    key = await service.begin(file)
    for _ in range(2):
        assert await service.offered(6, key, "1", b"<html>no document</html>") == REFUSED
    assert await service.content(file) == word("The first words.")
    assert len(service.quarantined()) == 1


async def test_a_status_3_is_refused_and_its_key_stays_the_one_that_is_handed_out(service: Service) -> None:
    file = await service.add()
    key = await service.begin(file)
    assert await service.told(3, key, users=["u"], lastsave=second(1), notmodified=False) == REFUSED
    assert (await service.document(key))["state"] != "closed"
    assert await service.key(file) == key


async def test_bytes_for_an_unknown_key_are_kept_and_refused(service: Service) -> None:
    assert await service.offered(2, "nobody-knows-it", "1", NEWER) == (403, 1)
    assert len(service.quarantined()) == 1


async def test_a_forged_callback_is_refused(service: Service) -> None:
    key = await service.begin(await service.add())
    before = await service.events(key)
    answer = await service.called({"key": key, "status": 4}, STRANGER)
    assert (answer.status_code, answer.json()) == (403, {"error": 1})
    assert await service.events(key) == before


@pytest.mark.parametrize("claims", [{"status": 8}, {"status": 2}, {"status": 6, "url": 7}])
async def test_what_cannot_be_understood_is_refused(service: Service, claims: dict[str, object]) -> None:
    key = await service.begin(await service.add())
    answer = await service.called({"key": key, **claims})
    assert (answer.status_code, answer.json()) == (200, {"error": 1})
