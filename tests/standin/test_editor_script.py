"""The page's half of the merging does what the server's half does."""

from __future__ import annotations

import random
from pathlib import Path

from playwright.sync_api import Browser

import infrastructure.standin
from infrastructure.standin.merging import merge

SCRIPT = Path(infrastructure.standin.__file__).parent / "static" / "merging.js"


def test_page_and_server_merge_alike(browser: Browser) -> None:
    chance = random.Random(1)
    cases = [
        tuple("".join(chance.choices("ab", k=chance.randrange(7))) for _ in range(3)) for _ in range(500)
    ]
    page = browser.new_page()
    page.add_script_tag(path=SCRIPT)
    merged = page.evaluate("cases => cases.map((each) => merge(...each))", cases)
    page.close()
    assert merged == [merge(*case) for case in cases]
