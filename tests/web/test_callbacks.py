"""Callbacks: what becomes of each status, as the log, the versions and the answer tell it."""

from __future__ import annotations

import hashlib

import pytest

from tests.web.life import Running
from tests.web.service import Service, second, word

pytestmark = pytest.mark.in_both

FINE = (200, 0)
NEWER, NEWEST = word("Newer words."), word("The newest words.")


@pytest.mark.parametrize("status", [0, 5, 8, -1, 10**30])
async def test_a_status_without_meaning_for_us_changes_nothing(service: Service, status: int) -> None:
    key = await service.begin(await service.add())
    before = await service.events(key)
    assert await service.told(status, key, users=["u"]) == FINE
    assert await service.events(key) == before


async def test_a_status_1_tells_who_edits_now(service: Service) -> None:
    key = await service.begin(await service.add())
    assert await service.told(1, key, users=["bob", "carol"], actions=[{"type": 1, "userid": "bob"}]) == FINE
    assert [user["id"] for user in (await service.document(key))["users"]] == ["bob", "carol"]
    assert await service.story(key) == ["Opened", "Joined", "Joined", "Joined", "Left"]


async def test_a_status_2_saves_what_people_open_and_closes(service: Service) -> None:
    file = await service.add()
    key = await service.begin(file)
    assert await service.offered(2, key, "1", NEWER) == FINE
    assert await service.story(key) == ["Opened", "Joined", "SaveOffered", "Saved", "Closed"]
    assert await service.content(file) == NEWER
    newest = (await service.versions(file))[-1]
    assert (newest["number"], newest["trigger"], newest["head"]) == (2, "final", True)
    assert (newest["sha256"], newest["size"]) == (hashlib.sha256(NEWER).hexdigest(), len(NEWER))
    assert (await service.document(key))["closed_reason"] == "saved"
    assert (await service.get("/api/documents")).json() == {"documents": [], "next": None}


@pytest.mark.parametrize(
    ("kind", "trigger"), [(0, "command"), (1, "button"), (2, "timer"), (9, "command"), ("x", "command")]
)
async def test_a_status_6_saves_and_goes_on(service: Service, kind: object, trigger: str) -> None:
    file = await service.add()
    key = await service.begin(file)
    assert await service.offered(6, key, "1", NEWER, forcesavetype=kind) == FINE
    assert await service.story(key) == ["Opened", "Joined", "SaveOffered", "Forcesaved"]
    assert await service.triggers(file) == ["upload", trigger]
    assert await service.content(file) == NEWER
    assert await service.key(file) == key


async def test_a_submitted_form_is_kept_beside_what_people_open(service: Service) -> None:
    file = await service.add(content=word("The form."))
    key = await service.begin(file)
    assert await service.offered(6, key, "1", NEWER, forcesavetype=3) == FINE
    assert [(v["trigger"], v["head"]) for v in await service.versions(file)] == [
        ("upload", True),
        ("form", False),
    ]
    assert await service.content(file) == word("The form.")
    assert (await service.get(f"/api/files/{file}/versions/2/content")).content == NEWER


@pytest.mark.parametrize(("status", "closed"), [(2, "closed"), (6, "editing")])
async def test_bytes_of_a_foreign_type_are_kept_beside_what_people_open(
    service: Service, status: int, closed: str
) -> None:
    file = await service.add(content=word("The first words."))
    key = await service.begin(file)
    assert await service.offered(status, key, "1", b"Only text.\n", filetype="txt") == FINE
    assert [(v["filetype"], v["head"]) for v in await service.versions(file)] == [
        ("docx", True),
        ("txt", False),
    ]
    assert await service.content(file) == word("The first words.")
    assert (await service.document(key))["state"] == closed


async def test_a_status_3_without_bytes_is_recorded_and_the_key_is_spent(service: Service) -> None:
    file = await service.add()
    key = await service.begin(file)
    assert await service.told(3, key, users=["u"], lastsave=second(1), notmodified=False) == FINE
    assert await service.story(key) == ["Opened", "Joined", "Errored", "Closed"]
    assert (await service.document(key))["closed_reason"] == "lost"
    assert await service.key(file) != key


async def test_a_status_3_with_bytes_keeps_them_beside_what_people_open(service: Service) -> None:
    file = await service.add(content=word("The first words."))
    key = await service.begin(file)
    assert await service.offered(3, key, "1", NEWER) == FINE
    assert await service.triggers(file) == ["upload", "failed"]
    assert await service.content(file) == word("The first words.")
    assert (await service.document(key))["closed_reason"] == "lost"


async def test_a_status_7_is_recorded_and_told_until_a_save_makes_it_good(service: Service) -> None:
    file = await service.add()
    key = await service.begin(file)
    assert await service.told(7, key, users=["u"], lastsave=second(1), forcesavetype=1) == FINE
    assert await service.story(key) == ["Opened", "Joined", "Errored"]
    assert "could not assemble" in (await service.document(key))["trouble"]
    assert await service.offered(6, key, "1", NEWER, lastsave=second(2)) == FINE
    assert (await service.document(key))["trouble"] is None


async def test_a_status_4_right_after_an_arrival_is_not_believed_before_the_server_confirms_it(
    service: Service,
) -> None:
    key = await service.begin(await service.add())
    assert await service.told(4, key) == FINE
    assert (await service.document(key))["state"] != "closed"
    await service.until(lambda: service.server.asked("info"))


async def test_a_status_4_after_a_save_does_not_change_how_it_was_closed(service: Service) -> None:
    key = await service.begin(await service.add())
    await service.offered(2, key, "1", NEWER)
    before = await service.events(key)
    assert await service.told(4, key) == FINE
    assert await service.events(key) == before


async def test_a_repeated_status_2_gets_the_same_answer_and_no_second_version(service: Service) -> None:
    file = await service.add()
    key = await service.begin(file)
    await service.offered(2, key, "1", NEWER)
    events, fetches = await service.events(key), list(service.server.fetches)
    for _ in range(3):  # a server that was restarted tells another `lastsave`, and does not know what changed
        assert await service.offered(2, key, "1", NEWER, lastsave=second(59), notmodified=None) == FINE
    assert await service.events(key) == events
    assert service.server.fetches == fetches
    assert len(await service.versions(file)) == 2


async def test_bytes_that_are_known_make_no_new_version(service: Service) -> None:
    file = await service.add()
    key = await service.begin(file)
    await service.offered(6, key, "1", NEWER)
    assert await service.offered(2, key, "2", NEWER, notmodified=True, lastsave=second(1)) == FINE
    assert (await service.story(key))[-2:] == ["Saved", "Closed"]
    assert len(await service.versions(file)) == 2


async def test_a_late_forcesave_is_kept_and_never_becomes_what_people_open(service: Service) -> None:
    file = await service.add()
    key = await service.begin(file)
    await service.offered(2, key, "final", NEWEST, lastsave=second(5))
    assert await service.offered(6, key, "late", NEWER, lastsave=second(5)) == FINE
    assert await service.content(file) == NEWEST
    assert [(v["trigger"], v["head"]) for v in await service.versions(file)][1:] == [
        ("final", True),
        ("command", False),
    ]
    assert (await service.document(key))["state"] == "closed"


async def test_a_save_of_a_file_that_was_changed_outside_is_a_conflict_version(running: Running) -> None:
    service = await running(patience={"replacing": 0.2})
    file = await service.add()
    key = await service.begin(file)
    await service.ask("PUT", f"/api/files/{file}/content", content=NEWER)
    assert await service.offered(2, key, "1", NEWEST) == FINE
    assert await service.triggers(file) == ["upload", "upload", "conflict"]
    assert await service.content(file) == NEWER


async def test_a_save_of_a_file_that_was_removed_is_kept(service: Service) -> None:
    file = await service.add()
    key = await service.begin(file)
    await service.ask("DELETE", f"/api/files/{file}")
    assert await service.offered(2, key, "1", NEWER) == FINE
    await service.post(f"/api/files/{file}/restore")
    assert await service.content(file) == NEWER


async def test_a_save_of_a_renamed_file_is_still_its_own(service: Service) -> None:
    file = await service.add("Plan.docx")
    key = await service.begin(file)
    await service.ask("PATCH", f"/api/files/{file}", json={"name": "Other.docx"})
    assert await service.offered(2, key, "1", NEWER) == FINE
    assert await service.content(file) == NEWER


async def test_callbacks_of_the_demo_are_taken_unsigned_when_the_server_does_not_sign(
    running: Running,
) -> None:
    service = await running(document_server_jwt=False)
    file = await service.add()
    key = await service.key(file)
    url = service.server.result("1", NEWER)
    letter = {"key": key, "status": 2, "url": url, "filetype": "docx", "users": ["u"], "lastsave": second(1)}
    answer = await service.post("/api/onlyoffice/callback", by=None, json=letter)
    assert (answer.status_code, answer.json()) == (200, {"error": 0})
    assert await service.content(file) == NEWER
