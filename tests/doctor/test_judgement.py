"""Given what was seen, which verdict: what one machine cannot bring about, and where the limits lie."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from application.doctor.addresses import are_private, is_loopback
from application.doctor.checks import Check, Verdict
from application.doctor.keeping import judge_blobs, judge_database, judge_disks, judge_log, judge_verified
from application.doctor.seen import (
    BlobTrip,
    Converted,
    Database,
    Disk,
    Heard,
    Refused,
    Result,
    Setup,
    Silence,
    Trouble,
)
from application.doctor.server import judge_certificate, judge_clocks, judge_server
from application.doctor.setup import judge_settings
from application.doctor.traffic import judge_reach, judge_results
from application.doctor.vulnerabilities import KNOWN, judge_version
from tests.doctor.test_examination import SETUP, now

OK, WARN, FAIL = Verdict.OK, Verdict.WARN, Verdict.FAIL


def given(**settings: Any) -> Setup:
    return replace(SETUP, **settings)


def says(check: Check, verdict: Verdict, *words: str) -> None:
    assert check.verdict is verdict, check
    assert all(word in f"{check.detail} {check.remedy}" for word in words), check


def test_a_demo_that_is_open_to_the_world_fails() -> None:
    says(judge_settings(given(demo=True)), FAIL, "signed in as its local user", "AUTH_SECRET")


def test_a_loopback_storage_url_is_no_use_to_a_server_elsewhere() -> None:
    setup = given(storage_url="http://127.0.0.1:8080", loopback=True)
    says(judge_settings(setup), WARN, "on office,", "STORAGE_URL", "HOST to 0.0.0.0")
    says(judge_settings(given(storage_url="http://localhost:8080", internal_url="http://[::1]")), OK)


def test_browsers_do_not_find_a_server_on_their_own_machine() -> None:
    says(judge_settings(given(server_url="http://localhost")), WARN, "the reader's own machine")


def test_plain_http_for_people_elsewhere_is_in_the_clear() -> None:
    says(judge_settings(given(public_url="http://files.example.com")), WARN, "in the clear", "TLS")


def test_a_path_in_the_public_url_is_not_served() -> None:
    says(
        judge_settings(given(public_url="https://example.com/files")), WARN, "/files", "host name of its own"
    )


def test_all_that_is_suspicious_is_said_at_once_and_the_worst_first() -> None:
    setup = given(demo=True, believes_everybody=True, server_url="http://localhost")
    check = judge_settings(setup)
    says(check, FAIL, "TRUSTED_PROXIES", "DOCUMENT_SERVER_URL")
    assert check.remedy.startswith("Set AUTH_SECRET")


def test_a_name_that_nobody_knows() -> None:
    seen = Silence(Trouble.UNKNOWN_HOST, "its name is not known here")
    says(judge_server(SETUP, seen), FAIL, "not known", "a name or address")


def test_a_certificate_is_looked_at_only_where_there_is_one() -> None:
    says(judge_certificate(SETUP, Heard(200, "true"), now()), OK, "plain HTTP")
    secure = given(internal_url="https://office.example.com")
    later = now() + timedelta(days=13)
    says(judge_certificate(secure, Heard(200, "true", expires=later), now()), WARN, "2026-12-06")
    says(judge_certificate(secure, Heard(200, "true", expires=now() + timedelta(days=20)), now()), OK)
    says(judge_certificate(secure, Silence(Trouble.REFUSED, "refused"), now()), WARN, "Not looked at")


@pytest.mark.parametrize(("date", "called", "verdict"), [
    (0.4, -0.6, OK), (60, None, OK), (61, None, WARN), (-61, 2, WARN), (1, 400, WARN), (None, None, WARN),
])  # fmt: skip
def test_clocks_may_be_a_minute_apart(date: float | None, called: float | None, verdict: Verdict) -> None:
    says(judge_clocks(Heard(200, "true", ahead=date), called), verdict)


def test_whoever_is_reached_at_a_public_address_looks_at_names_and_firewalls() -> None:
    refused = Refused(-4, "could not fetch")
    says(judge_reach(SETUP, refused, None, ("93.184.215.14",)), FAIL, "its DNS or the firewall")
    says(judge_reach(SETUP, refused, None, ("10.0.0.7",)), FAIL, "ALLOW_PRIVATE_IP_ADDRESS=true")
    local = given(storage_url="http://127.0.0.1:8080")
    says(judge_reach(local, refused, None, ("127.0.0.1",)), FAIL, "Set STORAGE_URL to an address", "office")


def test_what_the_converter_says_before_it_fetches() -> None:
    says(judge_reach(SETUP, Refused(-8, "signature"), None), WARN, "check secret")
    says(judge_reach(SETUP, Refused(-6, "database"), None), WARN, "database")


@pytest.mark.parametrize("said", ["http://office:80/x", "http://office/x", "https://office.example.com/x"])
def test_results_by_another_name_of_the_server_are_fetched_from_the_one_we_reach(said: str) -> None:
    says(judge_results(SETUP, Converted(said), Result(intact=True)), OK, "http://office:80")
    says(judge_results(SETUP, Converted(said), Result(trouble="HTTP 404")), FAIL, "/cache/files")


def test_results_of_an_origin_nobody_has_heard_of() -> None:
    check = judge_results(SETUP, Converted("http://files.inside/x?md5=secret"), Result(trouble="HTTP 404"))
    says(check, FAIL, "RESULT_ORIGINS=http://files.inside;")
    assert "md5" not in check.detail + check.remedy


@pytest.mark.parametrize(("said", "verdict", "words"), [
    ("10.0.0.1", OK, "no vulnerabilities of it are known"),
    ("10.2.0.8", OK, "10.2.0.8"),
    ("9.9.9.1", WARN, "CVE-2026-113631"),
    ("9.3.1.8", WARN, "and 1 more"),
    ("9.2.0.4", FAIL, "code run by crafted XLS files"),
    ("7.1.1.23", FAIL, "10.0.0 or newer"),
    ("5.5.0", FAIL, "13 more"),
    ("unknown", WARN, "'unknown'"),
    ("", WARN, "''"),
])  # fmt: skip
def test_a_version_is_compared_with_what_is_known(said: str, verdict: Verdict, words: str) -> None:
    says(judge_version(said), verdict, words)


def test_the_table_is_in_order_and_the_stand_in_is_not_in_it() -> None:
    assert [each.mended_in for each in KNOWN] == sorted({each.mended_in for each in KNOWN}, reverse=True)
    says(judge_version("9.3.0.140", standin=True), OK, "stand-in")


def disk(**seen: Any) -> Check:
    return judge_disks(given(max_file_bytes=100), [Disk("DATA_DIR", "/data", **{"free": 10**6, **seen})])


def test_a_disk_needs_room_for_files_and_quick_writes() -> None:
    says(disk(), OK, "1.0 MB left in /data")
    says(disk(free=99), FAIL, "not enough")
    says(disk(free=999), WARN, "fewer than 10")
    says(disk(sync=0.3), WARN, "300 ms")
    says(disk(trouble="Read-only file system"), FAIL, "Read-only file system", "DATA_DIR")


def test_a_write_ahead_log_that_only_grows_has_a_reader() -> None:
    says(judge_database(Database("/db", wal=2 * 1024**3)), WARN, "2.1 GB", "a reader holds it")
    says(judge_database(Database("/db", whole=False)), OK, "as far as was looked")


def test_facts_may_wait_for_a_checkpoint_for_a_while() -> None:
    def seen(minutes: float) -> Database:
        return Database("/db", facts=9, uncovered=3, uncovered_for=timedelta(minutes=minutes))

    says(judge_log(SETUP, seen(10)), OK, "3 wait")
    says(judge_log(SETUP, seen(12)), WARN, "3 facts of 9", "12 minutes")
    says(judge_log(given(checkpoint_seconds=3600), seen(60)), OK)
    says(judge_log(SETUP, seen(60 * 72)), WARN, "3 days")


def test_the_whole_log_verified() -> None:
    says(judge_verified(0, 7), OK, "7 facts verified")
    says(judge_verified(1, 7), FAIL, "1 finding", "docledger verify")
    says(judge_verified(0, 0, "no key"), WARN, "no key")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "http://[::1]/x", "http://localhost", "http://a.localhost"]
)
def test_loopback_addresses(url: str) -> None:
    assert is_loopback(url)
    assert not is_loopback("http://example.com")


def test_addresses_that_a_server_refuses_by_itself() -> None:
    assert are_private(["10.1.2.3"])
    assert are_private(["fe80::1%eth0"])
    assert not are_private(["93.184.215.14", "2606:2800:21f::1"])


def test_an_object_store_that_keeps_what_is_deleted_is_no_fault_but_said() -> None:
    says(judge_blobs(BlobTrip(objects="s3://bucket/place")), OK, "A probe was kept in s3://bucket/place")
    says(judge_blobs(BlobTrip(objects="s3://bucket", versioned=True)), OK, "It keeps old versions")


def test_whoever_may_not_write_to_an_object_store_is_told_what_it_takes() -> None:
    trip = BlobTrip("kept", "the object store could not write: permission denied", "s3://bucket")
    says(judge_blobs(trip), FAIL, "could not be kept", "credentials", "read, write, list and delete")
    says(judge_blobs(BlobTrip("kept", "no space left on device")), FAIL, "Mend the folder in BLOB_URL")
