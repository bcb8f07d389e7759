"""Saves that come many at once, in the wrong order, in pieces, or as no document at all."""

from __future__ import annotations

import hashlib

import pytest
import trio

from tests.infrastructure.raw_server import says
from tests.web.fake_server import FakeServer, withheld
from tests.web.life import Running
from tests.web.service import Service, second, word

pytestmark = pytest.mark.in_both

FINE = (200, 0)
FIRST, NEWER, NEWEST = word("The first words."), word("Newer words."), word("The newest words.")
GARBAGE = b"<html>The proxy is tired.</html>"


async def test_64_forcesaves_at_once_are_all_stored_and_the_last_change_wins(service: Service) -> None:
    file = await service.add()
    key = await service.begin(file)
    answers = []

    async def forcesave(number: int) -> None:
        content = word(f"Words of second {number}.")
        answers.append(await service.offered(6, key, str(number), content, lastsave=second(number)))

    async with trio.open_nursery() as nursery:
        for number in range(64):
            nursery.start_soon(forcesave, number)
    assert answers == [FINE] * 64
    versions = await service.versions(file)
    stored = {version["sha256"] for version in versions[1:]}
    assert stored == {hashlib.sha256(word(f"Words of second {n}.")).hexdigest() for n in range(64)}
    assert await service.content(file) == word("Words of second 63.")


async def test_many_documents_are_saved_at_once_each_under_its_own_file(service: Service) -> None:
    files = [await service.add() for _ in range(10)]

    async def live(file: str) -> None:
        key = await service.begin(file)
        assert await service.offered(6, key, "1", word(f"Half of {file}.")) == FINE
        assert await service.offered(2, key, "2", word(f"All of {file}."), lastsave=second(1)) == FINE

    async with trio.open_nursery() as nursery:
        for file in files:
            nursery.start_soon(live, file)
    for file in files:
        assert await service.content(file) == word(f"All of {file}.")
        assert await service.triggers(file) == ["upload", "command", "final"]


async def test_a_final_that_overtakes_a_forcesave_stays_what_people_open(
    service: Service, server: FakeServer
) -> None:
    file = await service.add()
    key = await service.begin(file)
    gate = trio.Event()
    slow = server.result("slow", withheld(gate, says("200 OK", NEWER)))
    answers: list[tuple[int, int]] = []

    async def forcesave() -> None:
        told = await service.told(6, key, url=slow, filetype="docx", users=["u"], lastsave=second(1))
        answers.append(told)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(forcesave)
        await service.until(lambda: server.fetches)
        assert await service.offered(2, key, "final", NEWEST, lastsave=second(1)) == FINE
        assert not answers, "a forcesave was answered before its bytes were stored"
        gate.set()
    assert answers == [FINE]
    assert await service.content(file) == NEWEST
    assert [v["head"] for v in await service.versions(file)] == [True, True, False]
    assert (await service.document(key))["state"] == "closed"


async def test_a_download_cut_short_is_tried_again_until_it_is_whole(
    service: Service, server: FakeServer
) -> None:
    file = await service.add()
    key = await service.begin(file)
    cut = says("200 OK", NEWER[:100], length=len(NEWER))
    url = server.result("cut", cut, cut, says("502 Bad Gateway"), NEWER)
    assert await service.told(2, key, url=url, filetype="docx", users=["u"], lastsave=second(1)) == FINE
    assert len(server.fetches) == 4
    assert await service.content(file) == NEWER
    story = await service.story(key)
    assert story == ["Opened", "Joined", "SaveOffered", "Errored", "Saved", "Closed"]


async def test_a_dead_url_is_given_up_and_said(service: Service, server: FakeServer) -> None:
    file = await service.add()
    key = await service.begin(file)
    url = server.result("gone", says("410 Gone"))
    assert await service.told(6, key, url=url, filetype="docx", users=["u"], lastsave=second(1)) == FINE
    assert (await service.story(key))[-2:] == ["Errored", "Errored"]
    assert "410" in (await service.document(key))["trouble"]
    assert len(await service.versions(file)) == 1


async def test_a_save_that_was_given_up_is_taken_when_it_is_offered_again(
    service: Service, server: FakeServer
) -> None:
    file = await service.add()
    key = await service.begin(file)
    gone = says("410 Gone")
    url = server.result("gone", gone, gone, gone, NEWER)
    offer = {"filetype": "docx", "users": ["u"], "lastsave": second(1)}
    assert await service.told(6, key, url=url, **offer) == FINE
    assert (
        await service.told(
            6, key, url=server.fresh("/cache/files/data/gone/output.docx/output.docx"), **offer
        )
        == FINE
    )
    assert await service.content(file) == NEWER


async def test_a_body_that_is_no_document_is_looked_at_twice_and_kept_in_quarantine(
    service: Service, server: FakeServer
) -> None:
    file = await service.add(content=FIRST)
    key = await service.begin(file)
    assert await service.offered(6, key, "1", GARBAGE) == FINE
    assert len(server.fetches) == 2
    assert await service.content(file) == FIRST
    assert len(await service.versions(file)) == 1
    sha256 = hashlib.sha256(GARBAGE).hexdigest()
    assert service.quarantined()[sha256]["key"] == key
    last = (await service.events(key))[-1]
    assert (last["type"], last["data"]["next"], last["data"]["sha256"]) == ("Errored", "quarantine", sha256)
    assert (await service.document(key))["trouble"]


async def test_a_body_garbled_on_its_way_is_saved_when_the_second_look_is_good(
    service: Service, server: FakeServer
) -> None:
    file = await service.add()
    key = await service.begin(file)
    url = server.result("garbled", GARBAGE, NEWER)
    assert await service.told(6, key, url=url, filetype="docx", users=["u"], lastsave=second(1)) == FINE
    assert await service.content(file) == NEWER
    assert not service.quarantined()


async def test_a_result_that_is_too_large_never_becomes_a_version(running: Running) -> None:
    service = await running(max_file_bytes=10_000)
    file = await service.add()
    key = await service.begin(file)
    assert await service.offered(6, key, "1", b"x" * 10_001) == FINE
    assert len(await service.versions(file)) == 1
    assert (await service.document(key))["trouble"]


async def test_always_means_always_even_when_the_time_for_the_bytes_is_over(
    running: Running, server: FakeServer
) -> None:
    service = await running(callback_budget_seconds=0.3)
    file = await service.add()
    key = await service.begin(file)
    gate = trio.Event()
    url = server.result("late", withheld(gate, says("200 OK", NEWER)))
    assert await service.told(2, key, url=url, filetype="docx", users=["u"], lastsave=second(1)) == FINE
    assert await service.triggers(file) == ["upload"]
    gate.set()
    await service.until_closed(key)
    assert await service.content(file) == NEWER


async def test_a_fresh_url_helps_a_fetch_that_waits(running: Running, server: FakeServer) -> None:
    service = await running(patience={"backoff": 30})
    file = await service.add()
    key = await service.begin(file)
    bad = says("500 Internal Server Error")
    url = server.result("again", *[bad] * 6, NEWER)
    offer = {"filetype": "docx", "users": ["u"], "lastsave": second(1)}
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: service.told(2, key, url=url, **offer))
        for repeat in range(1, 7):
            await service.until(lambda repeat=repeat: len(server.fetches) >= repeat)
            fresh = server.fresh("/cache/files/data/again/output.docx/output.docx")
            nursery.start_soon(lambda fresh=fresh: service.told(2, key, url=fresh, **offer))
    assert await service.content(file) == NEWER
