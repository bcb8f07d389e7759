"""Recorded traffic of a real Document Server, replayed against our callback endpoint."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from domain.keys import user_id
from tests.infrastructure.raw_server import says
from tests.web.fake_server import withheld
from tests.web.recorded import ours, paths, recording
from tests.web.service import Service, second, word

USERS = {"u1": user_id("u1"), "u2": user_id("u2")}
FINE = (200, {"error": 0})


class Replay:
    """One recording, told about a new document of ours that u1 and u2 may edit."""

    def __init__(self, service: Service, name: str) -> None:
        self.service = service
        self.letters = recording(name)
        self.file = self.key = ""
        self.results: list[bytes] = []

    async def open(self) -> None:
        self.file = await self.service.add(by="u1")
        shares = {"shares": {"u2": "edit", "ada": "view"}}
        await self.service.ask("PATCH", f"/api/files/{self.file}", by="u1", json=shares)
        self.key = await self.service.key(self.file, "u1")
        for number, path in enumerate(paths(self.letters)):
            self.results.append(word(f"Result {number}."))
            self.service.server.result(path.replace("KEY", self.key), self.results[-1])

    def letter(self, number: int) -> dict[str, Any]:
        return ours(self.letters[number], self.key, USERS, self.service.server.url)

    async def tell(self, number: int) -> None:
        answer = await self.service.called(self.letter(number))
        assert (answer.status_code, answer.json()) == FINE

    async def whole(self) -> None:
        await self.open()
        for number in range(len(self.letters)):
            await self.tell(number)

    async def story(self) -> str:
        return " ".join(await self.service.story(self.key))

    async def versions(self) -> str:
        """Each version's trigger, with a star for those that became what people open."""
        rows = await self.service.versions(self.file)
        return " ".join(row["trigger"] + "*" * row["head"] for row in rows)


STORIES = {
    "forcesave-by-command": (
        "Opened Joined SaveOffered Forcesaved SaveOffered Forcesaved",
        "upload* command* command*",
    ),
    "ctrl-s": (
        "Opened Joined SaveOffered Forcesaved SaveOffered Forcesaved SaveOffered Saved Closed",
        "upload* button* button* final*",
    ),
    "timer": (
        "Opened Joined SaveOffered Forcesaved SaveOffered Forcesaved SaveOffered Forcesaved "
        "SaveOffered Saved Closed",
        "upload* timer* timer* timer* final*",
    ),
    "two-users": (
        "Opened Joined Joined SaveOffered Forcesaved Left SaveOffered Saved Closed",
        "upload* command* final*",
    ),
    "reopened-within-the-delay": ("Opened Joined SaveOffered Saved Closed", "upload* final*"),
    "final-repeated": ("Opened Joined SaveOffered Saved Closed", "upload* final*"),
    "forcesave-offered-again": (
        "Opened Joined SaveOffered Forcesaved SaveOffered Saved Closed",
        "upload* button* final*",
    ),
    "server-restarted": (
        "Opened Joined SaveOffered Forcesaved SaveOffered Saved Closed",
        "upload* command* final*",
    ),
    "changes-left-behind": ("Opened Joined Left Joined SaveOffered Saved Closed", "upload* final*"),
    "reopened-after-saved": (
        "Opened Joined SaveOffered Saved Closed Reopened Joined SaveOffered Saved Closed",
        "upload* final* final*",
    ),
    "assembly-fails": ("Opened Joined Errored Errored Closed", "upload*"),
}


@pytest.mark.parametrize("name", STORIES)
async def test_what_was_recorded_leads_to(service: Service, name: str) -> None:
    replay = Replay(service, name)
    await replay.whole()
    assert (await replay.story(), await replay.versions()) == STORIES[name]
    if replay.results:
        assert await service.content(replay.file) == replay.results[-1]


@pytest.mark.parametrize("name", STORIES)
async def test_telling_everything_about_bytes_twice_changes_nothing_more(service: Service, name: str) -> None:
    replay = Replay(service, name)
    await replay.open()
    for number, letter in enumerate(replay.letters):
        await replay.tell(number)
        if letter["status"] != 1:
            await replay.tell(number)
    assert (await replay.story(), await replay.versions()) == STORIES[name]


async def test_every_version_says_who_changed_what(service: Service) -> None:
    replay = Replay(service, "two-users")
    await replay.whole()
    offers = [e["data"] for e in await service.events(replay.key) if e["type"] == "SaveOffered"]
    assert offers[-1]["history"] == replay.letter(8)["history"]
    assert {change["user"]["id"] for change in offers[-1]["history"]["changes"]} == set(USERS.values())
    assert (await service.versions(replay.file))[-1]["users"] == [USERS["u2"]]


async def test_a_second_tab_that_closes_sends_nobody_away(service: Service) -> None:
    replay = Replay(service, "two-users")
    await replay.open()
    for number in range(7):
        await replay.tell(number)
    present = [user["id"] for user in (await service.document(replay.key))["users"]]
    assert sorted(present) == sorted(USERS.values())


async def test_opened_and_closed_without_a_change_nothing_is_stored_and_the_key_stays(
    service: Service,
) -> None:
    replay = Replay(service, "open-and-close")

    async def info(command: Any) -> dict[str, Any]:
        await replay.tell(2)
        return {"key": command["key"], "error": 0, "users": []}

    service.server.answer("info", info)
    await replay.open()
    await replay.tell(0)
    await replay.tell(1)
    assert (await service.until_closed(replay.key))["closed_reason"] == "unchanged"
    assert (await replay.story(), await replay.versions()) == ("Opened Joined Left Closed", "upload*")
    assert await service.key(replay.file, "u2") == replay.key


async def test_a_key_reopened_after_it_was_closed_unchanged_saves_as_ever(service: Service) -> None:
    replay = Replay(service, "reopened-unchanged")

    async def info(command: Any) -> dict[str, Any]:
        await service.told(4, command["key"])
        return {"key": command["key"], "error": 0, "users": []}

    service.server.answer("info", info)
    await replay.open()
    await replay.tell(0)
    await replay.tell(1)
    await service.until_closed(replay.key)
    assert await service.key(replay.file, "u1") == replay.key
    await replay.tell(2)
    await replay.tell(3)
    assert await replay.story() == "Opened Joined Left Closed Reopened Joined SaveOffered Saved Closed"
    assert await replay.versions() == "upload* final*"


async def test_a_final_that_overtakes_a_slow_forcesave_wins(service: Service) -> None:
    replay = Replay(service, "forcesave-overtaken-by-final")
    await replay.open()
    await replay.tell(0)
    gate = trio.Event()
    path = next(paths(replay.letters)).replace("KEY", replay.key)
    service.server.result(path, withheld(gate, says("200 OK", replay.results[0])))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(replay.tell, 1)
        await service.until(lambda: service.server.fetches)
        await replay.tell(2)
        gate.set()
    assert await service.content(replay.file) == replay.results[1]
    assert "Saved" in await replay.story()
    assert (await service.document(replay.key))["state"] == "closed"


async def test_a_final_sent_again_by_a_server_that_crashed_is_the_same_final(service: Service) -> None:
    replay = Replay(service, "changes-left-behind")
    await replay.whole()
    again = {**replay.letter(3), "lastsave": second(3599), "notmodified": None}
    assert again["notmodified"] is replay.letter(3)["notmodified"] is None
    answer = await service.called(again)
    assert (answer.status_code, answer.json()) == FINE
    assert (await replay.story(), await replay.versions()) == STORIES["changes-left-behind"]


async def test_a_recorded_history_too_long_for_the_header_arrives_whole(service: Service) -> None:
    replay = Replay(service, "two-users")
    await replay.open()
    letter = replay.letter(8)
    letter["history"]["changes"] *= 20
    assert (await service.called(letter)).json() == {"error": 0}
    offer = next(e["data"] for e in await service.events(replay.key) if e["type"] == "SaveOffered")
    assert (offer["history"], offer["changes_url"]) == (letter["history"], letter["changesurl"])
