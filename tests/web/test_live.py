"""Facts as they are recorded, over HTTP."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path

import h11
import pytest
import trio

from application.changes import FileChange
from domain import events
from domain import file as files
from domain.keys import user_id
from infrastructure.journal import LedgerJournal
from tests.databases import execute
from tests.service import Service as Process
from tests.web.fake_server import SECRET, FakeServer
from tests.web.life import Running
from tests.web.listening import EVENTS, Over, deaf, heard, listening
from tests.web.service import Service, second, word
from web.bootstrap import now
from web.server import CUT
from web.streams import PER_PERSON

pytestmark = pytest.mark.in_both

LETTER = Path(__file__).parent.parent / "files" / "letter.odt"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "kept"


async def flood(service: Service, file: str) -> None:
    """More than any connection holds on its way, recorded by another process."""
    async with LedgerJournal.open(service.settings.database) as journal:
        for number in range(40):
            row = await journal.file(file)
            assert row
            fact = events.Renamed(at=now(), name=f"{number}{'x' * 400_000}.docx", by=row.file.owner)
            state = files.replay([fact], row.file)
            assert state
            await journal.append(FileChange(file, row.version, [fact], state))


async def test_each_fact_is_an_event_with_its_place_its_words_and_its_data(service: Service) -> None:
    file = await service.add()
    async with listening(service) as listener:
        headers = listener.headers
        assert headers["content-type"] == "text/event-stream"
        assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-store", "no")
        assert listener.begun.event == "position"
        key = await service.begin(file)
        opened, admitted, joined = [await listener.next() for _ in range(3)]
        assert (opened.event, joined.event) == ("Opened", "Joined")
        assert opened.id == listener.begun.id + 1
        assert datetime.fromisoformat(admitted.data.pop("at")).tzinfo
        assert admitted.data == {
            "position": admitted.id,
            "stream": f"document/{key}",
            "number": 2,
            "type": "Admitted",
            "file": file,
            "key": key,
            "text": "Ada was let in to edit, from 127.0.0.1.",
            "data": {"user": user_id("ada"), "name": "Ada", "mode": "edit", "address": "127.0.0.1"},
        }
        await service.offered(6, key, "1", word("Newer words."), lastsave=second(1), forcesavetype=1)
        saved = await listener.until("Forcesaved")
        assert saved.data["text"].startswith("Saved as version 2 (the save button)")


async def test_whoever_comes_again_goes_on_without_a_gap_or_a_repeat(service: Service) -> None:
    async with listening(service) as listener:
        file = await service.add()
        assert await listener.types(2) == ["Added", "VersionAdded"]
        begun = listener.begun
    await service.begin(file)
    async with listening(service, last=begun.id) as again:
        assert await again.types(5) == ["Added", "VersionAdded", "Opened", "Admitted", "Joined"]
    async with listening(service, f"?after={begun.id + 1}") as again:
        assert (await again.next()).event == "VersionAdded"
    async with listening(service, f"?after={begun.id}", last=begun.id + 4) as again:
        assert (await again.next()).event == "Joined", "the header is newer than the url"


async def test_a_restart_makes_no_gap(running: Running, folder: Path) -> None:
    before = await running(data_dir=folder)
    async with listening(before) as listener:
        file = await before.add()
        last = await listener.next()
        await running.end(before)
        assert (await listener.next()).event == "VersionAdded"
        with pytest.raises(Over):
            await listener.next()
    after = await running(data_dir=folder)
    await after.begin(file)
    async with listening(after, last=last.id) as listener:
        assert await listener.types(4) == ["VersionAdded", "Opened", "Admitted", "Joined"]


async def test_a_position_that_is_none_is_refused_with_what_to_do(service: Service) -> None:
    for headers, query in (
        ({"Last-Event-ID": "yesterday"}, ""),
        ({}, "?after=-1"),
        ({}, f"?after={'9' * 19}"),
    ):
        refused = await service.get(EVENTS + query, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (400, "bad_request")
        assert "Leave them out" in refused.json()["message"]


async def test_after_a_restored_copy_it_goes_on_from_the_end_and_says_so(service: Service) -> None:
    await service.add()
    async with listening(service, last=10**9) as listener:
        assert listener.begun.id < 100
        assert "restored from a copy" in listener.begun.data["message"]
        await service.add()
        assert (await listener.next()).id == listener.begun.id + 1


async def test_it_can_be_narrowed_to_a_file_and_to_a_session(service: Service) -> None:
    wanted, other = await service.add(), await service.add("Other.docx")
    key = await service.begin(wanted)
    async with listening(service, f"?file={wanted}") as of_file, listening(service, f"?key={key}") as of_key:
        await service.begin(other)
        await service.offered(2, key, "1", word("Newer words."))
        await service.share(wanted, bob="view")
        assert (await of_key.until("Closed")).data["key"] == key
        told = await of_file.until("Shared")
        assert told.data["file"] == wanted
        assert "key" not in told.data


async def test_nobody_is_told_what_they_may_not_see(service: Service) -> None:
    file = await service.add()
    key = await service.begin(file)
    assert (await service.get(EVENTS, by=None)).status_code == 401
    for query in (f"?file={file}", f"?key={key}"):
        assert (await service.get(EVENTS + query, by="bob")).status_code == 403
    for query in ("?file=none", "?key=none"):
        assert (await service.get(EVENTS + query, by="bob")).status_code == 404


async def test_people_hear_of_their_files_and_auditors_of_all(service: Service) -> None:
    async with listening(service, by="bob") as bob, listening(service, by="auditor:eve") as eve:
        hers, shared = await service.add(), await service.add("Shared.docx")
        await service.share(shared, bob="view")
        await service.begin(hers)
        await service.begin(shared)
        assert (await bob.until("Shared")).data["file"] == shared
        admitted = await bob.until("Admitted")
        assert admitted.data["file"] == shared
        assert admitted.data["text"] == "Ada was let in to edit."
        assert "address" not in admitted.data["data"]
        assert (await eve.until("Added")).data["file"] == hers
        assert (await eve.until("Admitted")).data["data"]["address"] == "127.0.0.1"
        await service.share(shared, bob=None)
        await service.begin(shared)
        await service.share(hers, bob="view")
        taken = await bob.until("Shared")
        assert taken.data["text"] == "Ada no longer shares it with bob."
        assert (await bob.next()).data["file"] == hers, "nothing more of what is not shared any more"


async def test_one_person_may_have_so_many_streams(service: Service) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(PER_PERSON):
            await stack.enter_async_context(listening(service))
        refused = await service.get(EVENTS)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
        assert "Close one" in refused.json()["message"]
        assert refused.headers["Retry-After"] == "30"
        async with listening(service, by="bob"):
            pass
    with trio.fail_after(5):
        while True:
            async with AsyncExitStack() as stack:
                try:
                    await stack.enter_async_context(listening(service))
                except AssertionError:
                    continue  # the last one has not been seen to leave yet
                break


async def test_the_rate_limit_counts_that_somebody_comes_and_not_what_they_are_told(running: Running) -> None:
    service = await running(rate_limit="20/minute")
    async with listening(service) as listener:
        for number in range(5):
            await service.add(f"{number}.docx")
        assert await listener.types(10) == ["Added", "VersionAdded"] * 5
        left = (await service.get("/api/files")).headers["RateLimit-Remaining"]
        assert left == "13"


async def test_a_head_request_is_answered_at_once(service: Service) -> None:
    answer = await service.ask("HEAD", EVENTS)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/event-stream")


async def test_whoever_does_not_read_holds_up_nobody(service: Service) -> None:
    file = await service.add()
    async with listening(service) as listener:
        with deaf(service, EVENTS):
            await flood(service, file)
            assert await listener.types(40) == ["Renamed"] * 40
            begun = time.monotonic()
            await service.begin(file)
            assert await listener.types(3) == ["Opened", "Admitted", "Joined"]
            assert time.monotonic() - begun < 5
            async with listening(service, last=listener.begun.id) as late:
                assert await late.types(43) == ["Renamed"] * 40 + ["Opened", "Admitted", "Joined"]


async def test_a_damaged_fact_is_left_out(service: Service) -> None:
    for number in range(3):
        await service.add(f"{number}.docx")
    execute(service.settings.database, "UPDATE stored_events SET state = x'7b00' WHERE position IN (2, 3)")
    async with listening(service, "?after=0") as listener:
        assert [(await listener.next()).id for _ in range(4)] == [1, 4, 5, 6]


async def test_nobody_who_listens_or_has_stopped_to_delays_a_stop(running: Running) -> None:
    service = await running()
    file = await service.add()
    async with listening(service) as listener:
        with deaf(service, EVENTS):
            await flood(service, file)
            assert await listener.types(40) == ["Renamed"] * 40
            begun = time.monotonic()
            await running.end(service)
            assert time.monotonic() - begun < CUT, "before Hypercorn cuts what is unfinished"
            with pytest.raises(Over):
                await listener.next()


async def test_a_download_that_nobody_reads_ends_with_the_service(running: Running) -> None:
    service = await running()
    file = await service.add("Much.csv", b"a,b\n" * 4_000_000)
    with deaf(service, f"/api/files/{file}/content"):
        assert (await service.get("/healthz")).status_code == 200
        await running.end(service)


# -- a process of its own --------------------------------------------------------------------------------


@pytest.fixture
async def process(tmp_path: Path, server: FakeServer) -> AsyncIterator[Process]:
    given = {"DOCUMENT_SERVER_URL": server.url, "DOCUMENT_SERVER_SECRET": SECRET, "LOG_LEVEL": "warning"}
    process = Process(tmp_path, **given)
    try:
        await trio.to_thread.run_sync(process.start)
        yield process
    finally:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(process.close)


async def imported(process: Process) -> None:
    done = await trio.to_thread.run_sync(process.command, "import", "--share", str(LETTER))
    assert done.returncode == 0, done.stderr


async def test_what_another_process_records_is_heard(process: Process) -> None:
    async with heard(process.url) as listener:
        await imported(process)
        assert await listener.types(3) == ["Added", "VersionAdded", "Shared"]


async def test_killed_and_started_again_it_goes_on_where_each_listener_was(process: Process) -> None:
    async with heard(process.url) as listener:
        await imported(process)
        last = await listener.next()
        process.kill()
        with pytest.raises((h11.RemoteProtocolError, trio.BrokenResourceError)):
            await listener.until("never")
    await imported(process)  # while the service is dead
    await trio.to_thread.run_sync(process.start)
    async with heard(process.url, headers={"Last-Event-ID": str(last.id)}) as listener:
        again = [await listener.next() for _ in range(5)]
        assert [told.id for told in again] == list(range(last.id + 1, last.id + 6))
        await imported(process)
        assert (await listener.next()).id == last.id + 6


async def test_an_auditors_listening_is_on_record_and_other_peoples_is_not(service: Service) -> None:
    file = await service.add()
    async with listening(service, by="auditor:eve"), listening(service, by="ada"):
        told = await service.get("/api/audit?type=Consulted", by="auditor:eve")
    readings = [(event["users"][0]["name"], event["data"]["what"]) for event in told.json()["events"]]
    assert readings == [("Eve", "the whole log"), ("Eve", "the whole log, live")]
    async with listening(service, f"?file={file}", by="auditor:eve"):
        told = await service.get(f"/api/files/{file}/events?type=Consulted")
    assert [event["data"]["what"] for event in told.json()["events"]][1:] == ["the file’s history, live"]
