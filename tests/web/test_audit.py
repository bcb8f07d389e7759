"""The log over HTTP: who may read which part of it, with what filters, and that each reading is on record."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import trio

from domain.keys import user_id
from tests.databases import execute
from tests.trouble import locked
from tests.web.life import Running
from tests.web.service import Service, second, word

pytestmark = pytest.mark.in_both

EVE = "auditor:eve"
OWNER, EDITOR, VIEWER, STRANGER = "ada", "bob", "vic", "sam"
EVERYWHERE = ("/api/files/{file}/events", "/api/documents/{key}/events", "/api/audit")
EXPORTS = tuple(f"{path}/export" for path in EVERYWHERE)
ADDRESS = "127.0.0.1"


async def a_life(service: Service) -> tuple[str, str]:
    """A file that others have access to, and a session in which it was saved."""
    file = await service.add()
    await service.share(file, bob="edit", vic="view")
    key = await service.begin(file)
    await service.open(file, EDITOR)
    await service.offered(6, key, "1", word("Newer."), lastsave=second(1), forcesavetype=1)
    await service.until_replied(key)
    return file, key


async def asked(service: Service, path: str, by: str | None = EVE) -> dict[str, Any]:
    answer = await service.get(path, by=by)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return dict(answer.json())


async def told(service: Service, path: str, by: str | None = EVE) -> list[dict[str, Any]]:
    return list((await asked(service, path, by))["events"])


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


async def readings(service: Service) -> list[dict[str, Any]]:
    """Every reading but this look at them."""
    events = await told(service, "/api/audit?type=Consulted&after=0&limit=500", "auditor:the test")
    return [event["data"] for event in events if event["data"]["name"] != "The Test"]


@pytest.mark.parametrize(
    ("by", "in_file", "in_all"),
    [
        (EVE, 200, 200),
        (OWNER, 200, 403),
        (EDITOR, 200, 403),
        (VIEWER, 200, 403),
        (STRANGER, 403, 403),
        (None, 401, 401),
    ],
)
async def test_who_may_read_which_part_of_the_log(
    service: Service, by: str | None, in_file: int, in_all: int
) -> None:
    file, key = await a_life(service)
    for path in (*EVERYWHERE, *EXPORTS):
        answer = await service.get(path.format(file=file, key=key), by=by)
        assert answer.status_code == (in_all if "audit" in path else in_file), path
        if answer.status_code != 200:
            assert set(answer.json()) == {"message", "code"}
    allowed = [in_file, in_file, in_all].count(200)
    assert len(await readings(service)) == 2 * allowed, "what is refused is no reading"


async def test_a_removed_file_is_there_for_its_owner_and_for_auditors(service: Service) -> None:
    file, key = await a_life(service)
    assert (await service.ask("DELETE", f"/api/files/{file}")).status_code == 204
    for path in (
        f"/api/files/{file}/events",
        f"/api/documents/{key}/events",
        f"/api/files/{file}/events/export",
    ):
        statuses = {by: (await service.get(path, by=by)).status_code for by in (EVE, OWNER, EDITOR, VIEWER)}
        assert statuses == {EVE: 200, OWNER: 200, EDITOR: 404, VIEWER: 404}
    (last,) = await told(service, f"/api/files/{file}/events?type=Removed", OWNER)
    assert last["text"] == "Ada deleted it."
    assert not any("content" in event for event in await told(service, f"/api/files/{file}/events", OWNER))


@pytest.mark.parametrize(("by", "sees"), [(EVE, True), (OWNER, True), (EDITOR, False), (VIEWER, False)])
async def test_only_the_owner_and_auditors_are_told_where_people_were_and_who_read(
    service: Service, by: str, *, sees: bool
) -> None:
    file, key = await a_life(service)
    await told(service, f"/api/files/{file}/events", VIEWER)
    for path in EVERYWHERE[:2]:
        for export in ("", "/export", "/export?format=csv"):
            answer = await service.get(path.format(file=file, key=key) + export, by=by)
            assert (f"from {ADDRESS}" in answer.text) is sees, (path, export)
            assert (f'"address":"{ADDRESS}"' in answer.text.replace('""', '"')) is sees, (path, export)
            assert ("Consulted" in answer.text) is (sees and "files" in path), (path, export)


async def test_the_history_of_a_file_is_told_the_newest_first(service: Service) -> None:
    file, key = await a_life(service)
    events = await told(service, f"/api/files/{file}/events", VIEWER)
    assert types(events)[::-1] == [
        *("Added", "VersionAdded", "Shared", "Shared"),
        *("Opened", "Admitted", "Joined", "Admitted"),
        *("SaveOffered", "Forcesaved", "VersionAdded", "Replied"),
    ]
    saved = next(event for event in events if event["type"] == "Forcesaved")
    assert saved["text"].startswith("Saved as version 2 (the save button), ")
    assert {name: saved[name] for name in ("stream", "file", "file_name", "key")} == {
        "stream": f"document/{key}",
        "file": file,
        "file_name": "Plan.docx",
        "key": key,
    }
    assert saved["content"] == f"/api/files/{file}/versions/2/content"
    joined = next(event for event in events if event["type"] == "Joined")
    assert (joined["text"], joined["users"]) == ("Ada joined.", [{"id": user_id("ada"), "name": "Ada"}])


async def test_the_links_of_a_version_lead_to_it(service: Service) -> None:
    file, key = await a_life(service)
    await service.offered(2, key, "2", word("To the end."), lastsave=second(2))
    for by, may_restore in ((VIEWER, False), (EDITOR, True), (OWNER, True)):
        events = await told(service, f"/api/files/{file}/events?type=VersionAdded&after=0", by)
        assert [(await service.get(event["content"], by=by)).content for event in events] == [
            word("The first words."),
            word("Newer."),
            word("To the end."),
        ]
        assert {"restore" in event for event in events} == {may_restore}
    assert (await service.post(events[0]["restore"])).json()["version"] == 4
    assert await service.content(file) == word("The first words.")
    for event in await told(service, f"/api/files/{file}/events", EVE):
        assert not {"content", "restore"} & set(event), "an auditor reads the log, not the files"


async def test_a_thinned_version_has_no_links_any_more(service: Service) -> None:
    file, _ = await a_life(service)
    execute(service.settings.database, "DELETE FROM versions WHERE number = 2")
    events = await told(service, f"/api/files/{file}/events?type=VersionAdded,Forcesaved&after=0", OWNER)
    assert ["content" in event for event in events] == [True, False, False]


async def test_a_question_is_on_record_once_and_each_export_again(service: Service) -> None:
    file, key = await a_life(service)
    paths = [path.format(file=file, key=key) for path in EVERYWHERE]
    for _ in range(3):
        for path in paths:
            for page in ("?type=Saved", "?type=Saved&limit=1", "?type=Saved&before=5", "?type=Saved&after=0"):
                await told(service, path + page)
    assert [
        (read["what"], read["file"], read["key"], read["filters"]) for read in await readings(service)
    ] == [
        ("the file’s history", file, None, "type=Saved"),
        ("the session’s history", file, key, "type=Saved"),
        ("the whole log", None, None, "type=Saved"),
    ]
    for _ in range(2):
        await service.get(f"{paths[0]}/export", by=EVE)
    await service.ask("HEAD", f"{paths[0]}/export", by=EVE)
    assert [read["what"] for read in await readings(service)][3:] == ["the file’s history, as jsonl"] * 2
    assert {(read["name"], read["address"]) for read in await readings(service)} == {("Eve", ADDRESS)}


async def test_fifty_readers_at_once_are_all_on_record(service: Service) -> None:
    file, _ = await a_life(service)
    async with trio.open_nursery() as nursery:
        for number in range(50):
            by = f"auditor:reader {number % 10}"
            nursery.start_soon(told, service, f"/api/files/{file}/events?user={number // 10}", by)
    assert len(await readings(service)) == 50


async def test_nothing_is_shown_when_the_reading_cannot_be_recorded(service: Service) -> None:
    file, key = await a_life(service)
    await told(service, f"/api/files/{file}/events")
    answers: list[httpx.Response] = []

    async def ask(path: str) -> None:
        answers.append(await service.get(path.format(file=file, key=key), by=OWNER))

    with locked(service.settings.database):
        async with trio.open_nursery() as nursery:
            for path in (*EVERYWHERE[:2], *EXPORTS[:2]):
                nursery.start_soon(ask, path)
    assert [answer.status_code for answer in answers] == [503] * 4
    assert {answer.json()["code"] for answer in answers} == {"unavailable"}


@pytest.mark.parametrize("path", ["/api/files/{file}/events", "/api/audit", "/api/documents/{key}/events"])
@pytest.mark.parametrize("start", ["", "&after=0", "&before=12"])
async def test_pages_lead_to_the_end_whatever_is_recorded_meanwhile(
    service: Service, path: str, start: str
) -> None:
    file, key = await a_life(service)
    path = path.format(file=file, key=key)
    upward = start == "&after=0" or (not start and "documents" in path)
    whole = await told(service, f"{path}?limit=500{start}")
    following: str | None = f"{path}?limit=2{start}&type=Opened,Admitted,Joined,SaveOffered,Forcesaved"
    got: list[dict[str, Any]] = []
    for number in range(40):
        page = await asked(service, str(following))
        got += page["events"]
        following = page["next"]
        if following is None:
            break
        await service.open(file, "bob" if number % 2 else "vic", mode="view")
    assert following is None
    wanted = [
        event
        for event in whole
        if event["type"] in ("Opened", "Admitted", "Joined", "SaveOffered", "Forcesaved")
    ]
    assert [event for event in got if event["position"] <= max(e["position"] for e in whole)] == wanted
    positions = [event["position"] for event in got]
    assert positions == sorted({*positions}, reverse=not upward)


async def test_a_session_is_told_from_its_beginning_unless_asked_otherwise(service: Service) -> None:
    _, key = await a_life(service)
    path = f"/api/documents/{key}/events"
    page = await asked(service, path)
    assert ([event["number"] for event in page["events"]], page["next"]) == ([1, 2, 3, 4, 5, 6, 7], None)
    position = page["events"][3]["position"]
    before = await told(service, f"{path}?before={position}")
    assert [event["number"] for event in before] == [3, 2, 1]
    between = await told(service, f"{path}?before={position}&after={page['events'][0]['position']}")
    assert [event["number"] for event in between] == [2, 3]


async def test_people_are_found_by_id_by_sub_and_by_name(service: Service) -> None:
    file, _ = await a_life(service)
    for user in (user_id("bob"), "bob", "Bob"):
        events = await told(service, f"/api/files/{file}/events?user={user}")
        assert types(events) == ["Admitted", "Shared"]
    assert await told(service, "/api/audit?user=Nobody") == []
    filters = [read["filters"] for read in await readings(service)]
    assert filters[0] == f"user={user_id('bob')}"
    assert len(filters) == 2, "the same person is the same question"


async def test_the_log_can_be_asked_by_time(service: Service) -> None:
    file, _ = await a_life(service)
    path = f"/api/files/{file}/events"
    events = await told(service, path)
    middle = events[5]["at"]
    for spelled in (
        middle,
        middle.replace("+00:00", "Z"),
        middle.replace("+", "%2B"),
        middle.replace("+", " "),
    ):
        since = await told(service, f"{path}?from={spelled}")
        until = await told(service, f"{path}?to={spelled}")
        assert {e["position"] for e in since} | {e["position"] for e in until} >= {
            e["position"] for e in events
        }
        assert all(event["at"] >= middle for event in since)
        assert all(event["at"] < middle for event in until)
    day = middle[:10]
    assert await told(service, f"{path}?from={day}")
    assert await told(service, f"{path}?to={day}") == []


ODD = [
    ("type=Smiled", 400, "There is no event 'Smiled'. The events are Added, Admitted,"),
    ("type=Saved,smiled&type=Left", 400, "There is no event 'smiled'"),
    ("tipe=Saved", 400, "There is no filter 'tipe' here. The filters are after, before, "),
    ("from=yesterday", 400, "from is a time, such as 2026-11-23T09:30:00Z"),
    ("to=2026-13-01", 400, "to is a time"),
    ("from=0001-01-01T00:00:00%2B14:00", 400, "from is a time"),
    ("to=9999-12-31T23:59:59-14:00", 400, "to is a time"),
    ("limit=0", 400, "limit is a number from 1 to 500."),
    ("limit=501", 400, "limit is a number from 1 to 500."),
    ("limit=ten", 400, "limit is a number"),
    ("limit=²", 400, "limit is a number"),
    ("before=-1", 400, "before is a number"),
    ("after=9999999999999999999", 400, "after is a number"),
    ("user=a&user=b", 400, "user can be given only once."),
    ("type=Saved&type=Left", 200, ""),
    ("type=Saved, Left,", 200, ""),
    ("user=&from=&to=&type=&limit=&before=", 200, ""),
    ("user=%00", 200, ""),
    ("user=%F0%9F%90%88'; DROP TABLE named; --", 200, ""),
    (f"user={'x' * 5000}", 200, ""),
    ("from=2026-11-24&to=2026-11-23", 200, ""),
    ("after=999999999999999999", 200, ""),
    ("before=0", 200, ""),
    ("as=Ada", 200, ""),
]


@pytest.mark.parametrize(("query", "status", "message"), ODD)
async def test_odd_filters_are_refused_with_what_to_send_instead(
    service: Service, query: str, status: int, message: str
) -> None:
    file = await service.add()
    for path in (f"/api/files/{file}/events", "/api/audit"):
        answer = await service.get(f"{path}?{query}", by=EVE)
        assert answer.status_code == status, answer.text
        assert answer.json().get("message", "").startswith(message)
        assert bool(message) is ("events" not in answer.json())


async def test_a_filter_that_the_address_has_settled_is_refused(service: Service) -> None:
    file, key = await a_life(service)
    assert len(await told(service, f"/api/files/{file}/events?key={key}")) == 7
    assert len(await told(service, f"/api/audit?file={file}&key={key}&type=Joined")) == 1
    for path in (f"/api/files/{file}/events?file={file}", f"/api/documents/{key}/events?key={key}"):
        assert (await service.get(path, by=EVE)).status_code == 400


async def test_a_damaged_fact_is_said_and_what_can_be_read_is_read(service: Service) -> None:
    file, _ = await a_life(service)
    execute(service.settings.database, "UPDATE stored_events SET state = x'7b' WHERE topic = 'Added'")
    damaged = await service.get("/api/audit?after=0", by=EVE)
    assert (damaged.status_code, damaged.json()["code"]) == (500, "damaged")
    assert types(await told(service, f"/api/files/{file}/events?type=Joined")) == ["Joined"]


async def test_in_the_demo_the_local_user_reads_everything_and_others_what_is_shared(
    running: Running,
) -> None:
    demo = await running(auth_secret=None, document_server_secret="s" * 40)
    samples = await told(demo, "/api/audit?limit=500", by=None)
    assert {event["file_name"] for event in samples} >= {"Welcome.docx", "Budget.xlsx"}
    assert (await demo.get("/api/audit?as=Ada", by=None)).status_code == 403
    file = samples[-1]["file"]
    assert (await demo.get(f"/api/files/{file}/events?as=Ada", by=None)).status_code == 200
