"""Somebody is erased while the service runs, and while they edit: no save is lost, and the name is gone."""

from __future__ import annotations

import os
import subprocess
from functools import partial
from typing import Any

import pytest
import trio

from domain.keys import user_id
from tests.databases import variables
from tests.infrastructure.raw_server import says
from tests.infrastructure.test_erasing import check_chains, on_disk
from tests.service import COMMAND
from tests.web.fake_server import withheld
from tests.web.life import Running
from tests.web.service import AUTH_SECRET, Service, second, word

pytestmark = pytest.mark.in_both

SUBJECT, NAME, ADDRESS = "lovelace", "Lovelace", "203.0.113.7"
HISTORY = {"serverVersion": "9.3", "changes": [{"user": {"id": user_id(SUBJECT), "name": NAME}}]}
PERSONAL = (NAME.encode(), ADDRESS.encode())


@pytest.fixture
async def service(running: Running) -> Service:
    return await running(trusted_proxies="127.0.0.1", callback_budget_seconds=60)


async def begin(service: Service) -> tuple[str, str]:
    """A file and the key of the session in which she edits it."""
    file = await service.add(by=SUBJECT)
    return file, await come(service, file)


async def come(service: Service, file: str) -> str:
    path, origin = f"/api/onlyoffice/config/{file}", {"X-Forwarded-For": ADDRESS}
    opened = await service.get(path, by=SUBJECT, headers=origin)
    key = str(opened.json()["config"]["document"]["key"])
    assert await service.told(1, key, users=[user_id(SUBJECT)]) == (200, 0)
    return key


async def erase(service: Service, *arguments: str) -> subprocess.CompletedProcess[str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("DOCLEDGER_")}
    given = {
        "DOCLEDGER_DATA_DIR": str(service.settings.data_dir),
        "DOCLEDGER_AUTH_SECRET": AUTH_SECRET,
        **{f"DOCLEDGER_{name}": value for name, value in variables(service.settings.database).items()},
    }
    command = partial(
        subprocess.run,
        [COMMAND, "erase", *arguments, "--yes"],
        env={**ours, **given},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return await trio.to_thread.run_sync(command)


async def told_of(service: Service, key: str) -> str:
    told: Any = await service.get(f"/api/documents/{key}/events", by="auditor:ann")
    return str(told.text)


async def test_who_edits_is_erased_and_the_save_under_way_is_kept(service: Service) -> None:
    file, key = await begin(service)
    gate, answers = trio.Event(), []
    newer = word("Newer words.")
    url = service.server.result(f"{key}_1", withheld(gate, says("200 OK", newer)))
    claims = {"url": url, "users": [user_id(SUBJECT)], "history": HISTORY, "lastsave": second(1)}

    async def save() -> None:
        answers.append(await service.told(6, key, filetype="docx", forcesavetype=1, **claims))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(save)
        await service.until(lambda: service.server.fetches)
        done = await erase(service, SUBJECT)
        gate.set()
    assert done.returncode == 0, done.stderr
    assert "They edit 1 document now" in done.stderr
    assert answers == [(200, 0)]
    assert (await service.get(f"/api/files/{file}/content", by=SUBJECT)).content == newer
    told = await told_of(service, key)
    assert '"SaveOffered"' in told
    assert '"Forcesaved"' in told
    assert NAME not in told
    assert ADDRESS not in told
    database = service.settings.database
    check_chains(database)
    assert not [word for word in PERSONAL if word in on_disk(database)]


async def test_who_was_erased_is_let_in_again_by_name_and_can_be_erased_again(service: Service) -> None:
    file, key = await begin(service)
    await erase(service, SUBJECT)
    assert NAME not in await told_of(service, key)
    assert await service.told(1, key, users=[]) == (200, 0)
    assert await come(service, file) == key, "the session goes on"
    assert NAME in await told_of(service, key)
    named = {"users": [user_id(SUBJECT)], "history": HISTORY}
    assert await service.offered(2, key, "2", word("Last words."), **named) == (200, 0)
    done = await erase(service, SUBJECT)
    assert done.returncode == 0, done.stderr
    assert "They edit" not in done.stderr
    assert NAME not in await told_of(service, key)
    database = service.settings.database
    assert not [word for word in PERSONAL if word in on_disk(database)]
    check_chains(database)


async def test_a_file_that_is_renamed_meanwhile_is_renamed(service: Service) -> None:
    file, _ = await begin(service)

    async def rename() -> None:
        for number in range(30):
            path, change = f"/api/files/{file}", {"name": f"Plan {number}.docx"}
            renamed = await service.ask("PATCH", path, by=SUBJECT, json=change)
            assert renamed.status_code == 200, renamed.text

    async with trio.open_nursery() as nursery:
        nursery.start_soon(rename)
        done = await erase(service, SUBJECT)
    assert done.returncode == 0, done.stderr
    found = (await service.get(f"/api/files/{file}", by=SUBJECT)).json()
    assert found["name"] == "Plan 29.docx"
    assert NAME not in str(found)
    check_chains(service.settings.database)
