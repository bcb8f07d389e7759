"""Which key and which mode an opening gets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.infrastructure.documents import compound
from tests.infrastructure.raw_server import says
from tests.web.fake_server import Answering, FakeServer, withheld
from tests.web.life import Running
from tests.web.service import Service, second, word

FILES = Path(__file__).parents[1] / "files"


async def test_two_users_at_the_same_instant_get_the_same_key(service: Service) -> None:
    file = await service.add()
    await service.share(file, **{"*": "edit"})
    keys: list[str] = []

    async def arrive(user: str) -> None:
        keys.append(await service.key(file, user))

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(arrive, f"user{number}")
    assert len(keys) == 20
    assert len(set(keys)) == 1
    events = await service.events(keys[0])
    assert [event["type"] for event in events] == ["Opened", *["Admitted"] * 20]
    assert len({event["data"]["user"] for event in events[1:]}) == 20


async def test_a_key_is_of_one_file_only(service: Service) -> None:
    assert await service.key(await service.add()) != await service.key(await service.add())


async def test_whoever_comes_back_is_not_recorded_twice(service: Service) -> None:
    file = await service.add()
    key = await service.key(file)
    assert await service.key(file) == key
    assert [event["type"] for event in await service.events(key)] == ["Opened", "Admitted"]


async def test_a_viewer_shares_the_editors_key(service: Service) -> None:
    file = await service.add()
    await service.share(file, bob="view")
    assert await service.key(file, "bob") == await service.key(file)


async def test_after_a_final_save_the_next_opening_gets_a_new_key_and_the_new_bytes(service: Service) -> None:
    file = await service.add()
    key = await service.begin(file)
    assert await service.offered(2, key, "1", word("The last words.")) == (200, 0)
    opened = (await service.open(file))["config"]["document"]
    assert opened["key"] != key
    path = opened["url"].removeprefix(service.settings.storage_url)
    assert (await service.get(path, by=None)).content == word("The last words.")


async def test_a_key_closed_unchanged_is_handed_out_again(running: Running) -> None:
    service = await running()
    file = await service.add()
    key = await service.begin(file)
    service.server.answer("info", nobody(service))
    assert await service.told(4, key) == (200, 0)
    assert (await service.until_closed(key))["closed_reason"] == "unchanged"
    assert await service.key(file) == key
    assert (await service.story(key))[-1] == "Reopened"
    assert len(await service.versions(file)) == 1


def nobody(service: Service) -> Answering:
    """What a server does when asked about a key that nobody edits: it calls back, then answers."""

    async def answer(command: Mapping[str, Any]) -> dict[str, Any]:
        await service.told(4, command["key"])
        return {"error": 0, "key": command["key"], "users": []}

    return answer


async def test_a_key_closed_unchanged_is_not_handed_out_once_the_file_has_changed(running: Running) -> None:
    service = await running()
    file = await service.add()
    key = await service.begin(file)
    service.server.answer("info", nobody(service))
    await service.told(4, key)
    await service.until_closed(key)
    await service.ask("PUT", f"/api/files/{file}/content", content=word("From elsewhere."))
    assert await service.key(file) != key


async def test_while_the_final_bytes_are_on_their_way_nobody_opens_on_a_guess(
    running: Running, server: FakeServer
) -> None:
    service = await running(patience={"commit": 0.2})
    file = await service.add()
    key = await service.begin(file)
    arrived = trio.Event()
    url = server.result("final", withheld(arrived, says("200 OK", word("The last words."))))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(told, service, key, url)
        await service.until_it_is(key, "saving")
        refused = await service.get(f"/api/onlyoffice/config/{file}")
        assert (refused.status_code, refused.json()["code"]) == (503, "saving_in_progress")
        assert int(refused.headers["Retry-After"]) > 0
        page = await service.get(f"/api/onlyoffice/viewer/{file}", headers={"Accept": "text/html"})
        assert page.status_code == 503
        assert f'http-equiv="refresh" content="{refused.headers["Retry-After"]}"' in page.text
        arrived.set()
    assert await service.key(file) != key
    assert await service.content(file) == word("The last words.")


async def test_an_opening_waits_a_while_for_the_final_bytes(running: Running, server: FakeServer) -> None:
    service = await running()
    file = await service.add()
    key = await service.begin(file)
    arrived = trio.Event()
    url = server.result("final", withheld(arrived, says("200 OK", word("The last words."))))
    opened: list[str] = []

    async def open_() -> None:
        opened.append(await service.key(file))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(told, service, key, url)
        await service.until_it_is(key, "saving")
        nursery.start_soon(open_)
        await trio.sleep(0.1)
        assert not opened
        arrived.set()
    assert opened != [key]


async def told(service: Service, key: str, url: str) -> None:
    answer = await service.told(2, key, url=url, filetype="docx", users=["u"], lastsave=second(1))
    assert answer == (200, 0)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("Old.doc", (FILES / "letter.doc").read_bytes()),
        ("Old.xls", (FILES / "table.xls").read_bytes()),
        ("Old.ppt", compound("PowerPoint Document", "Current User")),
    ],
)
async def test_a_type_that_saving_would_destroy_opens_in_view_mode(
    service: Service, name: str, content: bytes
) -> None:
    config = (await service.open(await service.add(name, content), mode="edit"))["config"]
    assert config["editorConfig"]["mode"] == "view"
    assert config["document"]["permissions"]["edit"] is False


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("Notes.odt", (FILES / "letter.odt").read_bytes(), "word"),
        ("Notes.txt", b"Some notes.\n", "word"),
        ("Table.csv", b"a,b\n1,2\n", "cell"),
    ],
)
async def test_a_type_that_cannot_hold_everything_is_edited_all_the_same(
    service: Service, name: str, content: bytes, kind: str
) -> None:
    config = (await service.open(await service.add(name, content)))["config"]
    assert (config["documentType"], config["editorConfig"]["mode"]) == (kind, "edit")


async def test_a_renamed_document_keeps_its_key_and_tells_its_new_title(service: Service) -> None:
    file = await service.add()
    key = await service.key(file)
    await service.ask("PATCH", f"/api/files/{file}", json={"name": "Plan B.docx"})
    document = (await service.open(file))["config"]["document"]
    assert (document["key"], document["title"]) == (key, "Plan B.docx")
