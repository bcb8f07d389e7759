"""A new name reaches the editors that are open, and cannot make an open file another type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from tests.web.service import Service, word


async def renamed(service: Service, file: str, name: str, **more: Any) -> httpx.Response:
    return await service.ask("PATCH", f"/api/files/{file}", json={"name": name}, **more)


def titles(service: Service) -> list[tuple[str, str]]:
    return [(command["key"], command["meta"]["title"]) for command in service.server.asked("meta")]


async def test_open_editors_hear_of_a_new_name(service: Service) -> None:
    file = await service.add("Plan.docx")
    key = await service.begin(file)
    assert (await renamed(service, file, "Plan B.docx")).status_code == 200
    await service.until(lambda: titles(service) == [(key, "Plan B.docx")])


async def test_nobody_hears_of_the_new_name_of_a_file_that_is_not_open(service: Service) -> None:
    file, other = await service.add("Plan.docx"), await service.add("Other.docx")
    key = await service.begin(other)
    await renamed(service, file, "Plan B.docx")
    await renamed(service, other, "Another.docx")
    await service.until(lambda: titles(service))
    assert titles(service) == [(key, "Another.docx")]


async def test_a_renaming_does_not_wait_for_the_document_server(service: Service) -> None:
    async def refuses(_: Mapping[str, Any]) -> dict[str, Any]:
        return {"error": 6}

    service.server.answer("meta", refuses)
    file = await service.add("Plan.docx")
    await service.begin(file)
    assert (await renamed(service, file, "Plan B.docx")).json()["name"] == "Plan B.docx"
    await service.until(lambda: titles(service))


@pytest.mark.parametrize("name", ["Plan.xlsx", "Plan.docm", "Plan", "Plan.docx.txt"])
async def test_an_open_file_stays_what_it_is(service: Service, name: str) -> None:
    file = await service.add("Plan.docx")
    key = await service.begin(file)
    change = {"name": name, "shares": {"bob": "view"}}
    refused = await service.ask("PATCH", f"/api/files/{file}", json=change)
    assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
    shown = (await service.get(f"/api/files/{file}")).json()
    assert (shown["name"], shown["shares"]) == ("Plan.docx", [])
    await service.offered(2, key, "last", word("The end."))
    await service.until_closed(key)
    assert (await renamed(service, file, name)).status_code == 200


async def test_an_extension_may_be_written_in_capitals_all_the_same(service: Service) -> None:
    file = await service.add("Plan.docx")
    key = await service.begin(file)
    assert (await renamed(service, file, "PLAN.DOCX")).status_code == 200
    await service.until(lambda: titles(service) == [(key, "PLAN.DOCX")])
