"""How a page is looked at: light or dark, on a desk or a phone, and what is wrong with what is seen."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

SCREENSHOTS = Path(os.environ.get("DOCLEDGER_TEST_SCREENSHOTS", "build/screenshots"))
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
VIOLATIONS = """
  window.violations = [];
  addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective));
"""


@dataclass(frozen=True)
class Look:
    scheme: str
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.scheme}-{self.width}"


LOOKS = [Look(scheme, *size) for scheme in ("light", "dark") for size in ((1280, 900), (375, 760))]


@contextmanager
def looking(browser: Browser, look: Look) -> Iterator[BrowserContext]:
    context = browser.new_context(
        color_scheme=look.scheme,  # type: ignore[arg-type]
        viewport={"width": look.width, "height": look.height},
        locale="en-GB",
        timezone_id="Europe/Berlin",
        reduced_motion="reduce",
    )
    context.set_default_timeout(20_000)
    context.add_init_script(VIOLATIONS)
    yield context
    context.close()


def complaints(page: Page, url: str) -> list[str]:
    """What the browser has to say against a page, once it is there."""
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda line: said.append(line.text) if line.type in {"error", "warning"} else None)
    answer = page.goto(url)
    expect(page.get_by_text("…", exact=True)).to_have_count(0)  # the list of files has heard its states
    assert answer
    if answer.status >= 400:  # the browser complains of the status itself
        said = [line for line in said if str(answer.status) not in line]
    return said + [f"the policy forbids: {rule}" for rule in page.evaluate("violations")]


def inaccessible(page: Page) -> list[str]:
    """What axe finds, a line for each element. It comes in past the page's policy, as a debugger does."""
    found = Axe().run(page).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:200]} {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
    ]


def photograph(page: Page, name: str, look: Look) -> None:
    page.screenshot(path=SCREENSHOTS / f"{name}-{look}.png", full_page=True)
