"""`/metrics` of a running service: who may read it, and that its numbers are what happened."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import trio
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics

from tests.infrastructure.raw_server import says
from tests.trouble import broken, locked
from tests.web.fake_server import STRANGER, FakeServer
from tests.web.life import Running
from tests.web.listening import listening
from tests.web.service import PATIENCE, Service, second, sign_in, word

TOKEN = "the scraper's own token, long enough"
ADMIN = "admin:root"
FINE = (200, 0)


async def scraped(service: Service) -> Mapping[tuple[str, ...], float]:
    """By the name without our prefix, and the labels' values in the order of their names."""
    told = await service.get("/metrics", by=ADMIN)
    assert told.status_code == 200, told.text
    families = list(parser.text_string_to_metric_families(told.text))
    assert all(family.documentation for family in families if family.name.startswith("docledger_"))
    return {
        (sample.name.removeprefix("docledger_"), *(value for _, value in sorted(sample.labels.items()))): (
            sample.value
        )
        for family in families
        for sample in family.samples
    }


async def test_the_numbers_are_what_happened_in_a_session(service: Service, server: FakeServer) -> None:
    file = await service.add()
    key = await service.begin(file)
    for number in range(5):
        assert await service.offered(6, key, str(number), word(f"{number}"), lastsave=second(number)) == FINE
    assert await service.offered(6, key, "4", word("4"), lastsave=second(4)) == FINE, "a repeat"
    assert await service.offered(6, key, "evil", b"<html>", forcesavetype=1) == FINE
    url = server.result("gone", says("410 Gone"))
    assert await service.told(6, key, url=url, filetype="docx", users=["u"], lastsave=second(6)) == FINE
    during = await scraped(service)
    assert await service.offered(2, key, "final", word("final"), lastsave=second(9)) == FINE
    assert await service.told(99, key) == FINE
    await service.called({"key": key, "status": 2}, secret=STRANGER)
    after = await scraped(service)

    assert during["open_documents",] == during["edited_documents",] == during["editors",] == 1
    assert after["open_documents",] == after["edited_documents",] == after["editors",] == 0
    stored = {name[1:]: value for name, value in after.items() if name[0] == "offers_total" and value}
    assert stored == {
        ("stored", "command"): 5,
        ("repeated", "command"): 1,
        ("quarantined", "button"): 1,
        ("given_up", "command"): 1,
        ("stored", "final"): 1,
    }
    assert after["save_lag_seconds_count", "command"] == 5
    assert after["save_lag_seconds_count", "final"] == 1
    assert after["facts_total", "Forcesaved"] == 5
    assert after["facts_total", "Saved"] == after["facts_total", "Closed"] == 1
    assert after["downloads_total", "stored"] == 5 + 2 + 1, "what is no document is fetched twice"
    assert after["downloads_total", "gone"] == len([path for path in server.fetches if "gone" in path])
    assert after["errors_total", "quarantine", "verification"] == 1
    assert after["callbacks_total", "0", "200", "6"] == 8
    assert after["callbacks_total", "0", "200", "other"] == 1
    assert after["callback_seconds_count", "2"] == 1
    assert after["callbacks_refused_total",] == 1
    assert after["log_position",] == sum(v for name, v in after.items() if name[0] == "facts_total")
    assert after["http_requests_total", "POST", "/api/onlyoffice/callback", "2xx"] == 12
    assert after["http_requests_total", "GET", "/api/onlyoffice/config/{id}", "2xx"] == 1
    assert after["event_loop_lag_seconds_count",] > 0


async def test_what_the_server_answers_to_commands_is_counted(running: Running, server: FakeServer) -> None:
    service = await running(autosave_seconds=0.2)
    await service.begin(await service.add())
    await service.until(lambda: len(server.asked("forcesave")) > 2)
    told = await scraped(service)
    assert told["commands_total", "nothing_new", "forcesave"] in (2, 3, 4)
    assert told["command_seconds_count", "forcesave"] > 1
    assert told["unassured_seconds",] < told["unstored_seconds",]


async def test_time_passes_while_somebody_edits_and_nothing_is_stored(service: Service) -> None:
    key = await service.begin(await service.add())
    await trio.sleep(0.3)  # of real time, which is what is measured
    before = (await scraped(service))["unstored_seconds",]
    assert 0.3 <= before < 60
    assert await service.offered(6, key, "1", word("Newer.")) == FINE
    told = await scraped(service)
    assert told["unstored_seconds",] < before
    assert told["unstored_documents", "60"] == 0


async def test_what_the_log_does_not_take_shows(running: Running) -> None:
    service = await running(callback_budget_seconds=1.5)
    key = await service.begin(await service.add())
    with locked(service.settings.database_path):
        assert await service.offered(6, key, "1", word("Newer.")) == FINE
        assert (await scraped(service))["waiting_saves",] == 1
    for _ in range(PATIENCE):
        told = await scraped(service)
        if not told["waiting_saves",]:
            break
        await trio.sleep(0.02)
    assert told["waiting_saves",] == 0
    assert told["offers_total", "stored", "command"] == 1


async def test_what_the_blob_store_does_not_take_shows(service: Service) -> None:
    key = await service.begin(await service.add())
    with broken(service.settings.blobs_path):
        assert await service.offered(6, key, "1", word("Newer.")) == FINE
        told = await scraped(service)
        assert told["blob_store_failing",] == 1
        assert told["downloads_total", "not_stored"] == 1


@pytest.mark.in_both
async def test_every_folder_that_we_write_to_has_its_room(service: Service) -> None:
    told = await scraped(service)
    folders = {key[1] for key in told if key[0] == "disk_free_bytes"}
    assert folders == {"data", "blobs"} | (set() if service.settings.uses_postgres else {"database"})
    assert all(told["disk_total_bytes", folder] > told["disk_free_bytes", folder] > 0 for folder in folders)


async def test_readers_of_the_event_stream_are_counted(service: Service) -> None:
    file = await service.add()
    async with listening(service, f"?file={file}"):
        assert (await scraped(service))["event_streams",] == 1


async def test_requests_that_are_too_many_are_counted(running: Running) -> None:
    service = await running(rate_limit="3/minute")
    for _ in range(5):
        await service.get("/api/files")
    told = await scraped(service)
    assert told["rate_limited_requests_total",] == 2
    assert told["http_requests_total", "GET", "/api/files", "2xx"] == 3
    assert told["http_requests_total", "GET", "other", "4xx"] == 2


async def test_a_path_that_leads_nowhere_makes_no_series_of_its_own(service: Service) -> None:
    for number in range(20):
        await service.get(f"/nowhere/{number}")
        await service.get(f"/static/{number}.js")
        await service.get(f"/api/files/{number}")
    told = await scraped(service)
    routes = {name[2] for name in told if name[0] == "http_requests_total"}
    assert routes == {"other", "/static", "/api/files/{id}"}


async def test_openmetrics_is_given_to_whom_accepts_it(service: Service) -> None:
    await service.begin(await service.add())
    accept = {"Accept": "application/openmetrics-text; version=1.0.0, text/plain;q=0.5"}
    told = await service.get("/metrics", by=ADMIN, headers=accept)
    assert told.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    names = {family.name for family in openmetrics.text_string_to_metric_families(told.text)}
    assert {"docledger_offers", "docledger_build", "process_cpu_seconds"} <= names


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": f"Bearer {TOKEN}x"}, 401),
        ({"Authorization": f"Bearer {sign_in('ada')}"}, 403),
        ({"Authorization": f"Bearer {sign_in('ann', role='auditor')}"}, 403),
        ({"Authorization": f"Bearer {sign_in('root', role='auditor admin')}"}, 200),
        ({"Authorization": f"Bearer {TOKEN}"}, 200),
        ({"Cookie": f"token={TOKEN}"}, 401),
    ],
)
async def test_only_a_scraper_or_an_admin_reads_them(
    running: Running, headers: dict[str, str], status: int
) -> None:
    service = await running(metrics_token=TOKEN)
    assert (await service.get("/metrics", by=None, headers=headers)).status_code == status


@pytest.mark.parametrize("sent", ["Bearer", "Bearer None", "Basic Og=="])
async def test_no_token_that_was_not_set_opens_them(service: Service, sent: str) -> None:
    refused = await service.get("/metrics", by=None, headers={"Authorization": sent})
    assert refused.status_code == 401


async def test_in_the_demo_the_local_user_reads_them_and_who_is_played_does_not(running: Running) -> None:
    service = await running(auth_secret=None)
    assert (await service.get("/metrics", by=None)).status_code == 200
    assert (await service.get("/metrics?as=Ada", by=None)).status_code == 403
