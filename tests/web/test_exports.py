"""The log to take away: whole, in order, fit for spreadsheets, and visibly broken when it is broken."""

from __future__ import annotations

import csv
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from application.changes import ReadingChange
from domain import events
from infrastructure.journal.databases import ledger_at
from tests.databases import Place, execute
from tests.story import NOON
from tests.web.life import Running
from tests.web.service import Service, second, sign_in, word

pytestmark = pytest.mark.in_both

EVE = "auditor:eve"
STALLING = 5  # each is one task of ours at least, and some come and go anyway
HEAD = "position,at,type,text,users,user_ids,file,file_name,key,stream,number,data"


def rows_of(answer: httpx.Response) -> list[dict[str, str]]:
    text = answer.content.decode("utf-8-sig")
    return list(csv.DictReader(StringIO(text, newline=""), strict=True))


def lines_of(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.text.endswith("\n") or not answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


async def a_life(service: Service, name: str = "Plan.docx") -> tuple[str, str]:
    file = await service.add(name)
    key = await service.begin(file)
    await service.offered(6, key, "1", word("Newer."), lastsave=second(1), forcesavetype=1)
    await service.until_replied(key)
    return file, key


@pytest.mark.parametrize(
    "query", ["", "&type=Joined,Saved,Forcesaved&user=Ada", "&from=2026-01-01", "&to=2026-01-01"]
)
async def test_both_forms_have_what_the_pages_have_in_the_order_of_the_log(
    service: Service, query: str
) -> None:
    file, key = await a_life(service)
    for path in (f"/api/files/{file}/events", f"/api/documents/{key}/events", "/api/audit"):
        lines = await service.get(f"{path}/export?format=jsonl{query}", by=EVE)
        rows = rows_of(await service.get(f"{path}/export?format=csv{query}", by=EVE))
        shown = (await service.get(f"{path}?after=0{query}", by=EVE)).json()["events"]
        for event in shown:
            event.pop("content", None)
            event.pop("restore", None)
        told = lines_of(lines)
        assert told == shown[: len(told)]
        assert rows == [as_row(event) for event in shown[: len(rows)]]
        own = "documents" not in path and "type" not in query and "to" not in query
        assert len(shown) - len(told) == 2 * own, "the second export and the reading of the page"
        assert len(shown) - len(rows) == own


def as_row(event: dict[str, Any]) -> dict[str, str]:
    people = event["users"]
    row = {
        **event,
        "users": "; ".join(person["name"] for person in people),
        "user_ids": "; ".join(person["id"] for person in people),
        "data": json.dumps(event["data"], ensure_ascii=False, separators=(",", ":")),
    }
    return {name: "" if row[name] is None else str(row[name]) for name in HEAD.split(",")}


async def test_an_export_says_what_it_is(service: Service) -> None:
    file, _ = await a_life(service, "Plän.docx")
    for form, kind in (
        ("csv", "text/csv; charset=utf-8; header=present"),
        ("jsonl", "application/x-ndjson; charset=utf-8"),
    ):
        for method in ("GET", "HEAD"):
            answer = await service.ask(method, f"/api/files/{file}/events/export?format={form}")
            assert answer.status_code == 200
            assert answer.headers["content-type"] == kind
            name = f"filename*=UTF-8''Pl%C3%A4n.docx.events.{form}"
            assert answer.headers["content-disposition"] == f"attachment; {name}"
            assert answer.headers["cache-control"] == "no-store"
            assert "content-length" not in answer.headers
            assert bool(answer.content) is (method == "GET")
    lines = await service.get(f"/api/files/{file}/events/export")
    assert lines.headers["content-type"].startswith("application/x-ndjson")
    for query in ("format=xlsx", "limit=5", "before=5", "type=None"):
        assert (await service.get(f"/api/files/{file}/events/export?{query}")).status_code == 400


EVIL = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    '=cmd|" /C calc"!A0',
    'a,"b",c',
    "two\nlines",
    "é ✓ 🐈",
    "'x",
]


async def test_a_spreadsheet_calculates_nothing_of_what_people_wrote(service: Service) -> None:
    names = [f"{name}.docx" for name in EVIL if name.isprintable() and not set(name) & {"/", '"'}]
    for name in names:
        await service.add(name)
    for name in EVIL:
        headers = {"Authorization": f"Bearer {sign_in('mallory', name=name)}"}
        files = {"file": ("Plan.docx", word("x"))}
        added = await service.post("/api/files", by=None, headers=headers, files=files)
        assert added.status_code == 201
    answer = await service.get("/api/audit/export?format=csv", by=EVE)
    assert answer.content.startswith(b"\xef\xbb\xbf" + HEAD.encode() + b"\r\n")
    assert answer.content.endswith(b"\r\n")
    rows = rows_of(answer)
    assert list(rows[0]) == HEAD.split(",")
    for row in rows:
        assert None not in row
        assert None not in row.values()
        assert not [cell for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
        assert json.loads(row["data"])
    shown = {row["file_name"] for row in rows if row["file_name"]}
    assert shown >= {f"'{name}" if name.startswith(("=", "+", "-", "@")) else name for name in names}
    told = {json.loads(row["data"]).get("owner_name") for row in rows}
    assert told >= {*EVIL}, "the data are as they were"


@asynccontextmanager
async def with_long_log(running: Running, folder: Path, facts: int, size: int) -> AsyncIterator[Service]:
    """A service whose log begins with so many readings of so many bytes."""
    ledger = ledger_at(running.usual.get("database_url") or folder / "docledger.db")
    fact = events.Consulted(at=NOON, user="x", name="X", address="", what="x" * size)
    for first in range(0, facts, 1000):
        ledger.record([ledger.entry([ReadingChange("x", first, [fact] * min(1000, facts - first))])])
    ledger.close()
    yield await running(data_dir=folder)


def hurt(place: Place, position: int) -> None:
    execute(place, "UPDATE stored_events SET state = x'7b' WHERE position = ?", (position,))


async def streamed(service: Service, path: str) -> AsyncGenerator[bytes, None]:
    who = {"Authorization": f"Bearer {sign_in('eve', role='auditor')}"}
    async with service.http.stream("GET", service.url + path, headers=who) as answer:
        assert answer.status_code == 200
        async for chunk in answer.aiter_bytes():
            yield chunk


@pytest.mark.parametrize("form", ["csv", "jsonl"])
async def test_an_export_that_breaks_off_does_not_look_whole(
    running: Running, tmp_path: Path, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with with_long_log(running, tmp_path / "long", 3000, 10) as service:
        hurt(service.settings.database, 2800)
        arrived: list[bytes] = []

        async def take() -> None:
            async with aclosing(streamed(service, f"/api/audit/export?format={form}")) as chunks:
                arrived.extend([chunk async for chunk in chunks])

        with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
            await take()
        assert "/api/audit/export breaks off" in caplog.text
        assert "Traceback" not in caplog.text
        assert (await service.get("/healthz")).status_code == 200


async def test_an_export_that_fails_at_once_is_an_error(running: Running, tmp_path: Path) -> None:
    async with with_long_log(running, tmp_path / "long", 10, 10) as service:
        execute(service.settings.database, "DROP TABLE people")
        answer = await service.get("/api/audit/export", by=EVE)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


def tasks() -> int:
    return trio.lowlevel.current_statistics().tasks_living


async def busiest() -> int:
    """With several nodes, what they do each second needs tasks now and then."""
    most = 0
    for _ in range(25):
        most = max(most, tasks())
        await trio.sleep(0.05)  # what goes on in threads is waited for
    return most


async def test_clients_that_stall_or_walk_away_cost_nothing(running: Running, tmp_path: Path) -> None:
    async with with_long_log(running, tmp_path / "long", 15_000, 3000) as service:
        await service.get("/healthz")
        before = await busiest()
        host, _, port = service.url.removeprefix("http://").partition(":")
        token = sign_in("eve", role="auditor")
        lines = (
            "GET /api/audit/export HTTP/1.1",
            "Host: docledger.test",
            f"Authorization: Bearer {token}",
            "",
            "",
        )
        streams = [await trio.open_tcp_stream(host, int(port)) for _ in range(STALLING)]
        for stream in streams:
            await stream.send_all("\r\n".join(lines).encode())
            assert (await stream.receive_some(12)) == b"HTTP/1.1 200"
        with trio.fail_after(10):
            for _ in range(20):  # while they stall, others are served
                assert (await service.get("/api/audit?limit=1", by=EVE)).status_code == 200
        await service.until(lambda: tasks() > before)
        for stream in streams:
            await stream.aclose()
        await service.until(lambda: tasks() <= before)


async def test_what_is_recorded_during_an_export_is_not_in_it(running: Running, tmp_path: Path) -> None:
    async with with_long_log(running, tmp_path / "long", 15_000, 1000) as service:
        exported: list[bytes] = []
        async with aclosing(streamed(service, "/api/audit/export")) as chunks:
            async for chunk in chunks:
                if not exported:
                    await service.add()
                exported.append(chunk)
        lines = [json.loads(line) for line in b"".join(exported).splitlines()]
        assert [event["position"] for event in lines] == list(range(1, 15_002))
        assert lines[-1]["text"] == "Eve read the whole log, as jsonl, from 127.0.0.1."
        (added,) = (await service.get("/api/audit?type=Added", by=EVE)).json()["events"]
        assert added["position"] > 15_001
