"""People are shown out of open documents: by others, and by a share that was taken back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from domain.keys import user_id
from tests.web.life import Running
from tests.web.service import Service, word

ADA, BOB, CAROL = map(user_id, ("ada", "bob", "carol"))


async def editing(service: Service, **shares: str | None) -> tuple[str, str]:
    """A file and its session, in which Ada and everybody it is shared with are editing."""
    file = await service.add()
    await service.share(file, **shares)
    for user in ("ada", *shares):
        key = await service.key(file, user)
    assert await service.told(1, key, users=[user_id(user) for user in ("ada", *shares)]) == (200, 0)
    return file, key


def dropped(service: Service) -> list[list[str]]:
    return [command["users"] for command in service.server.asked("drop")]


async def sent_out(service: Service, key: str) -> list[Mapping[str, Any]]:
    return [event for event in await service.events(key) if event["type"] == "SentOut"]


@pytest.mark.parametrize("by", ["ada", "admin:root"])
async def test_an_owner_or_an_admin_sends_people_out_once_their_work_is_saved(
    service: Service, by: str
) -> None:
    _, key = await editing(service, bob="edit", carol="edit")
    answer = await service.post(f"/api/documents/{key}/drop", by=by, json={"users": [BOB, "nobody"]})
    assert (answer.status_code, answer.json()) == (200, {"users": [{"id": BOB, "name": "Bob"}]})
    assert [command["c"] for command in service.server.commands[-2:]] == ["forcesave", "drop"]
    assert dropped(service) == [[BOB]]
    (fact,) = await sent_out(service, key)
    assert (fact["data"]["user"], fact["data"]["by"]) == (BOB, user_id(by.rpartition(":")[2]))


async def test_the_log_says_who_sent_whom_out(service: Service) -> None:
    _, key = await editing(service, bob="edit")
    await service.post(f"/api/documents/{key}/drop", json={"users": [BOB]})
    assert (await sent_out(service, key))[0]["text"] == "Ada sent Bob out."


@pytest.mark.parametrize("by", ["bob", "carol", "auditor:ann"])
async def test_nobody_else_sends_anybody_out(service: Service, by: str) -> None:
    _, key = await editing(service, bob="edit")
    refused = await service.post(f"/api/documents/{key}/drop", by=by, json={"users": [ADA]})
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert dropped(service) == []


@pytest.mark.parametrize("body", [{}, {"users": "bob"}, {"users": [1]}, []])
async def test_whom_to_send_out_must_be_said(service: Service, body: object) -> None:
    _, key = await editing(service)
    refused = await service.post(f"/api/documents/{key}/drop", json=body)
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_request")


async def test_nobody_is_sent_out_of_nowhere(service: Service) -> None:
    missing = await service.post("/api/documents/none/drop", json={"users": [ADA]})
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    _, key = await editing(service)
    await service.told(4, key)
    await service.offered(2, key, "last", word("The end."))
    await service.until_closed(key)
    late = await service.post(f"/api/documents/{key}/drop", json={"users": [ADA]})
    assert (late.status_code, late.json()) == (200, {"users": []})


async def test_a_server_that_does_not_obey_is_said(service: Service) -> None:
    async def refuses(_: Mapping[str, Any]) -> dict[str, Any]:
        return {"error": 3}

    _, key = await editing(service, bob="edit")
    service.server.answer("drop", refuses)
    failed = await service.post(f"/api/documents/{key}/drop", json={"users": [BOB]})
    assert (failed.status_code, failed.json()["code"]) == (502, "server_unreachable")


@pytest.mark.parametrize("access", ["review", "view", None])
async def test_whose_share_is_lowered_below_what_they_do_is_sent_out(
    service: Service, access: str | None
) -> None:
    file, key = await editing(service, bob="edit", carol="edit")
    await service.share(file, bob=access)
    await service.until(lambda: dropped(service) == [[BOB]])
    (fact,) = await sent_out(service, key)
    assert fact["text"] == "Bob was sent out, and may no longer do what they were let in for."


async def test_who_does_no_more_than_they_still_may_is_left_in_peace(service: Service) -> None:
    file = await service.add()
    await service.share(file, bob="edit", **{"*": "edit"})
    key = await service.key(file, "bob", mode="comment")
    await service.told(1, key, users=[BOB])
    await service.share(file, bob="comment")  # everybody may edit all the same
    await service.share(file, **{"*": None})
    await service.share(file, bob="view")
    await service.until(lambda: dropped(service) == [[BOB]])


async def test_a_viewer_is_sent_out_when_nothing_is_shared_any_more(service: Service) -> None:
    file = await service.add()
    await service.share(file, bob="view")
    await service.key(file, "bob")
    await service.share(file, bob=None)
    await service.until(lambda: dropped(service) == [[BOB]])


async def test_who_comes_back_for_what_they_may_is_left_in_peace(service: Service) -> None:
    file, key = await editing(service, bob="edit")
    await service.share(file, bob="comment")
    await service.until(lambda: dropped(service) == [[BOB]])
    await service.told(1, key, users=[ADA])
    assert await service.key(file, "bob") == key
    await service.told(1, key, users=[ADA, BOB])
    await service.share(file, carol="view")  # who may do what is looked at once more
    await service.told(1, key, users=[ADA])
    assert dropped(service) == [[BOB]]


async def test_who_comes_back_with_an_old_page_is_sent_out_again(service: Service) -> None:
    file, key = await editing(service, bob="edit")
    await service.share(file, bob=None)
    await service.until(lambda: dropped(service) == [[BOB]])
    await service.told(1, key, users=[ADA])
    await service.told(1, key, users=[ADA, BOB])
    await service.until(lambda: dropped(service) == [[BOB], [BOB]])
    assert len(await sent_out(service, key)) == 1


async def test_of_a_deleted_file_everybody_is_sent_out_and_their_work_is_kept(service: Service) -> None:
    file, key = await editing(service, bob="edit")
    assert (await service.ask("DELETE", f"/api/files/{file}")).status_code == 204
    await service.until(lambda: dropped(service) == [sorted([ADA, BOB])])
    assert await service.offered(2, key, "last", word("The last words.")) == (200, 0)
    assert (await service.post(f"/api/files/{file}/restore")).status_code == 200
    assert await service.content(file) == word("The last words.")


async def test_a_restart_does_not_forget_who_may_no_longer_be_there(running: Running) -> None:
    async def unreachable(_: Mapping[str, Any]) -> dict[str, Any]:
        return {"error": 3}

    async def known(command: Mapping[str, Any]) -> dict[str, Any]:
        await after.told(1, key, users=[ADA, BOB])  # before it answers
        return {"error": 0, "key": command["key"], "users": [ADA, BOB]}

    before = await running()
    file, key = await editing(before, bob="edit")
    before.server.answer("drop", unreachable)
    await before.share(file, bob=None)
    await before.until(lambda: len(dropped(before)) == 1)
    await running.end(before)
    before.server.answer("info", known)
    after = await running(data_dir=before.settings.data_dir)
    await after.until(lambda: dropped(after) == [[BOB], [BOB]])


async def test_a_sessions_page_has_a_button_for_whoever_may(service: Service) -> None:
    _, key = await editing(service, bob="edit")
    html = {"Accept": "text/html"}
    page = f"/documents/{key}"
    assert "Send Bob out" in (await service.get(page, headers=html)).text
    assert "Send Bob out" not in (await service.get(page, headers=html, by="bob")).text
    sent = await service.post(f"{page}/drop", data={"user": BOB}, headers=html)
    assert (sent.status_code, sent.headers["Location"]) == (303, f"{page}#there")
    assert dropped(service) == [[BOB]]
    refused = await service.post(f"{page}/drop", data={"user": ADA}, headers=html, by="bob")
    assert refused.status_code == 403
