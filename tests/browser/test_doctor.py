"""The doctor's page, as an admin meets it in a house where not all is well."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.looks import LOOKS, TOO_WIDE, Look, complaints, inaccessible, looking, photograph
from tests.service import Service, running


@pytest.fixture(scope="module")
def unwell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(tmp_path_factory.mktemp("unwell"), MAX_FILE_BYTES=str(10**18)) as service:
        yield service


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_one_presses_the_button_and_reads_the_worst_first(
    browser: Browser, unwell: Service, look: Look
) -> None:
    with looking(browser, look) as context:
        page = context.new_page()
        assert complaints(page, unwell.url + "/doctor") == []
        page.get_by_role("button", name=re.compile("^Run")).click()
        expect(page.locator("#examined")).to_have_text(re.compile(r"^2[0-9] ok, \d+ warnings?, 1 failure ·"))
        worst = page.locator(".checks li").first
        expect(worst).to_contain_text("failure")
        expect(worst.get_by_role("heading", name="disk")).to_be_visible()
        expect(worst).to_contain_text("Make room there now.")
        expect(page.get_by_role("button", name="Run again")).to_be_enabled()
        expect(page.get_by_role("link", name="Doctor")).to_have_attribute("aria-current", "page")
        assert page.evaluate(TOO_WIDE) <= 0
        photograph(page, "doctor-failure", look)
        assert inaccessible(page) == []


def test_without_scripts_it_works_as_well_and_others_do_not_see_it(browser: Browser, unwell: Service) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(unwell.url)
    page.get_by_role("link", name="Doctor").click()
    page.get_by_role("button", name=re.compile("^Run")).click()
    expect(page.locator("#examined")).to_contain_text("1 failure")
    page.goto(f"{unwell.url}/?as=Ada")
    expect(page.get_by_role("link", name="Doctor")).to_have_count(0)
    context.close()
