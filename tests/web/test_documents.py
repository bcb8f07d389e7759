"""What is open now and what has happened: as shapes that clients may rely on."""

from __future__ import annotations

from datetime import datetime

from domain.keys import user_id
from tests.web.service import Service, second, sign_in, word


async def test_an_open_document_is_listed_with_those_who_edit_it(service: Service) -> None:
    file = await service.add("Plan.docx")
    key = await service.begin(file)
    documents = (await service.get("/api/documents")).json()["documents"]
    assert [{name: documents[0][name] for name in ("key", "file_id", "state", "users", "name")}] == [
        {
            "key": key,
            "file_id": file,
            "state": "editing",
            "users": [{"id": user_id("ada"), "name": "Ada"}],
            "name": "Plan.docx",
        }
    ]


async def test_a_document_of_somebody_elses_file_is_not_shown(service: Service) -> None:
    key = await service.begin(await service.add())
    assert (await service.get("/api/documents", by="bob")).json() == {"documents": [], "next": None}
    for path in (f"/api/documents/{key}", f"/api/documents/{key}/events"):
        assert (await service.get(path, by="bob")).status_code == 403
        assert (await service.get(path, by=None)).status_code == 401


async def test_an_auditor_sees_every_document(service: Service) -> None:
    key = await service.begin(await service.add())
    headers = {"Authorization": f"Bearer {sign_in('eve', role='auditor')}"}
    listed = await service.get("/api/documents", by=None, headers=headers)
    assert [document["key"] for document in listed.json()["documents"]] == [key]


async def test_open_documents_come_page_by_page(service: Service) -> None:
    keys = [await service.begin(await service.add(f"Plan {number}.docx")) for number in range(5)]
    found, path = [], "/api/documents?limit=2"
    while path:
        page = (await service.get(path)).json()
        assert len(page["documents"]) <= 2
        found += [document["key"] for document in page["documents"]]
        path = page["next"] and f"/api/documents?limit=2&after={page['next']}"
    assert sorted(found) == sorted(keys)
    for limit in ("0", "1001", "many"):
        assert (await service.get(f"/api/documents?limit={limit}")).status_code == 400


async def test_an_unknown_key_is_not_found(service: Service) -> None:
    for path in ("/api/documents/none", "/api/documents/none/events"):
        missing = await service.get(path)
        assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


async def test_the_log_tells_each_fact_with_its_place_and_time(service: Service) -> None:
    file = await service.add()
    key = await service.begin(file)
    await service.offered(6, key, "1", word("Newer words."), lastsave=second(1), forcesavetype=1)
    events = await service.events(key)
    assert [event["number"] for event in events] == [1, 2, 3, 4, 5]
    assert [event["type"] for event in events] == [
        "Opened",
        "Admitted",
        "Joined",
        "SaveOffered",
        "Forcesaved",
    ]
    assert [event["position"] for event in events] == sorted({event["position"] for event in events})
    assert all(set(event) >= {"position", "number", "type", "at", "data"} for event in events)
    assert all(datetime.fromisoformat(event["at"]).tzinfo for event in events)
    assert events[0]["data"]["file"] == file
    assert (events[1]["data"]["user"], events[1]["data"]["mode"]) == (user_id("ada"), "edit")
    assert (events[4]["data"]["trigger"], events[4]["data"]["version"]) == ("button", 2)


async def test_a_document_tells_when_which_version_was_stored_last(service: Service) -> None:
    key = await service.begin(await service.add())
    assert (await service.document(key))["saved"] is None
    await service.offered(6, key, "1", word("Newer words."))
    document = await service.document(key)
    assert document["saved_version"] == 2
    assert datetime.fromisoformat(document["saved"]).tzinfo
