"""What was true after any event of a document, as debuggers and pages ask for it."""

from __future__ import annotations

from typing import Any

import pytest

from domain.keys import user_id
from tests.web.service import Service, second, word


async def edited(service: Service) -> str:
    """The key of a session that stored version 2 and was left."""
    key = await service.begin(await service.add("Plan.docx"))
    await service.offered(6, key, "1", word("Newer words."), lastsave=second(1), forcesavetype=1)
    await service.offered(2, key, "2", word("The last words."), lastsave=second(2))
    return key


async def state(service: Service, key: str, by: str = "ada", **asked: Any) -> dict[str, Any]:
    answer = await service.get(f"/api/documents/{key}/state", by=by, params=asked)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_the_state_is_told_after_each_event(service: Service) -> None:
    key = await edited(service)
    events = await service.events(key)
    told = [await state(service, key, after=number) for number in range(events[-1]["number"] + 1)]
    opened = {event["type"]: told[event["number"]] for event in events}
    assert told[0]["state"] is None
    assert opened["Admitted"]["open"] == "open"
    assert opened["Joined"]["open"] == "editing"
    assert opened["Joined"]["state"]["editing"] == [{"id": user_id("ada"), "name": "Ada"}]
    assert opened["Forcesaved"]["state"]["head"] == 2
    assert opened["Saved"]["state"]["waiting"] == []
    assert opened["Closed"]["open"] == "closed"
    assert [each["number"] for each in told] == list(range(len(told)))
    assert [told[event["number"]]["position"] for event in events] == [event["position"] for event in events]


async def test_without_a_moment_it_is_told_how_things_are_now(service: Service) -> None:
    key = await service.begin(await service.add())
    now = await state(service, key)
    assert (now["key"], now["number"], now["last"], now["open"]) == (key, 3, 3, "editing")
    assert (now["state"]["base"], now["state"]["head"], now["state"]["standing"]) == (1, 1, "live")


async def test_a_moment_may_be_a_time_or_a_version(service: Service) -> None:
    key = await edited(service)
    events = await service.events(key)
    forcesaved = next(event for event in events if event["type"] == "Forcesaved")
    assert (await state(service, key, version=2))["number"] == forcesaved["number"]
    assert (await state(service, key, at=events[0]["at"]))["number"] >= 1
    assert (await state(service, key, at="2020-01-01T00:00:00"))["number"] == 0


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("after=x", "after is a whole number"),
        ("after=-1", "after is a whole number"),
        ("version=²", "version is a whole number"),
        ("at=yesterday", "ISO 8601"),
        ("after=1&version=2", "one moment"),
    ],
)
async def test_a_moment_that_cannot_be_understood_is_explained(
    service: Service, asked: str, said: str
) -> None:
    key = await service.begin(await service.add())
    answer = await service.get(f"/api/documents/{key}/state?{asked}")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert said in answer.json()["message"]


@pytest.mark.parametrize(("asked", "said"), [("after=99", "from 1 to 3"), ("version=9", "It stored none.")])
async def test_a_moment_that_never_was_is_not_found(service: Service, asked: str, said: str) -> None:
    key = await service.begin(await service.add())
    answer = await service.get(f"/api/documents/{key}/state?{asked}")
    assert answer.status_code == 404
    assert said in answer.json()["message"]


async def test_who_may_not_see_a_document_may_not_see_its_past(service: Service) -> None:
    path = f"/api/documents/{await service.begin(await service.add())}/state"
    assert (await service.get(path, by="bob")).status_code == 403
    assert (await service.get(path, by=None)).status_code == 401
    assert (await service.get(path, by="auditor:ann")).status_code == 200
    assert (await service.get("/api/documents/none/state")).status_code == 404
