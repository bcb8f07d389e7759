"""Every ailment, brought about for real on this machine, is recognised, and so is what to do about it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from application.doctor.checks import Verdict
from application.doctor.examination import NAMES
from tests.doctor.ailments import AILMENTS, Ailment, database, execute
from tests.doctor.certificates import Authority
from tests.doctor.house import House, house
from tests.doctor.patient import proxy
from tests.web.fake_server import SECRET
from tests.web.service import AUTH_SECRET

AT_LEAST = 74


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as home:
        yield home


def test_many_things_can_be_wrong() -> None:
    assert len({ailment.name for ailment in AILMENTS}) == len(AILMENTS) >= AT_LEAST


@pytest.mark.parametrize("ailment", AILMENTS, ids=lambda ailment: ailment.name)
async def test_it_is_recognised(home: House, ailment: Ailment) -> None:
    await ailment.provoke(home)
    seen = await home.examined()
    check = seen[ailment.check]
    assert check.verdict is ailment.verdict, check
    assert ailment.words in check.detail
    assert ailment.remedy in check.remedy
    told = str(seen)
    assert not any(secret in told for secret in (SECRET, AUTH_SECRET))
    assert "The check itself failed" not in told


async def test_where_all_is_well_there_is_nothing_to_do(home: House) -> None:
    seen = await home.examined()
    service = seen.pop("service")
    assert (service.verdict, service.remedy) == (
        Verdict.WARN,
        "Start it (docledger serve), and run this again beside it.",
    )
    assert {check.verdict for check in seen.values()} == {Verdict.OK}, seen
    assert not any(check.remedy for check in seen.values())


async def test_with_the_right_bundle_every_client_trusts_the_server(home: House) -> None:
    """Commands, conversions and downloads alike."""
    authority = Authority()
    home.given["ca_bundle"] = authority.bundle(home.folder / "authorities.pem")
    await home.secure(authority.server(home.folder))
    seen = await home.examined()
    for name in ("document_server", "certificate", "secret", "reaches_us", "results", "callbacks"):
        assert seen[name].verdict is Verdict.OK, seen[name]


async def test_results_at_another_host_are_fetched_once_it_is_listed(home: House) -> None:
    home.patient.results_at = home.patient.url.replace("127.0.0.1", "localhost")
    home.given["result_origins"] = (home.patient.results_at,)
    assert (await home.examined())["results"].verdict is Verdict.OK


async def test_a_proxy_that_is_trusted_is_in_order(home: House) -> None:
    before_us = await home.somebody(proxy(home.url, ("X-Forwarded-For", "198.51.100.7")))
    home.given |= {"public_url": before_us, "storage_url": home.url, "trusted_proxies": ("127.0.0.1",)}
    seen = await home.examined()
    assert (seen["proxy"].verdict, seen["public_url"].verdict) == (Verdict.OK, Verdict.OK)


async def test_where_the_server_forgets_conversions_an_open_document_will_do(home: House) -> None:
    home.patient.knows = "ada-1"
    execute(await database(home.settings), "INSERT INTO documents (key, state) VALUES ('ada-1', 'open')")
    assert (await home.examined())["callbacks"].verdict is Verdict.OK


def test_for_every_check_there_is_something_that_fails_it() -> None:
    assert {ailment.check for ailment in AILMENTS} == set(NAMES)
