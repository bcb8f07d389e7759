"""Script in every name, in a browser that tells what its policy had to stop: nothing, since none got in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.contract.word import docx, paragraph
from tests.service import Service, running

LISTEN = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (stopped) => violations.push(stopped.violatedDirective));
window.evil = () => { window.run = true; };
"""
SCRIPTS = {
    "script": "<script>evil()</script>",
    "image": '"><img src=x onerror=evil()>',
    "frame": "'><iframe srcdoc=<script>parent.evil()</script>>",
    "closing": "</script><svg onload=evil()>",
    "javascript": "javascript:evil()//",
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(tmp_path_factory.mktemp("attacked"), AUTOSAVE_SECONDS="3600") as service:
        yield service


@pytest.fixture
def tabs(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context()
    context.set_default_timeout(20_000)
    context.add_init_script(LISTEN)
    yield context
    context.close()


def planted(service: Service, script: str) -> str:
    """A file with script in its name, its shares and what happened to it."""
    content = docx(paragraph(script))
    added = service.client.post("/api/files", params={"as": script[:60]}, files={"file": ("a.docx", content)})
    file = str(added.json()["id"])
    name = script.replace("/", "∕") + ".docx"
    body = {"name": name, "shares": {script: "edit", "*": "edit"}}
    changed = service.client.patch(f"/api/files/{file}", params={"as": script[:60]}, json=body)
    assert changed.status_code == 200, changed.text
    return file


def unharmed(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.run") is None
    assert page.evaluate("window.violations") == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_runs_and_none_had_to_be_stopped(service: Service, tabs: BrowserContext, name: str) -> None:
    script = SCRIPTS[name]
    file = planted(service, script)
    page = tabs.new_page()
    opened = service.client.get(f"/api/onlyoffice/config/{file}", params={"as": script[:60]}).json()
    key = opened["config"]["document"]["key"]
    for path in ("/", f"/files/{file}", f"/documents/{key}", "/audit", f"/files/{script.replace('/', '')}"):
        page.goto(service.url + path)
        if path == "/":
            page.locator("summary").first.click()
        unharmed(page)
    page.goto(f"{service.url}/api/onlyoffice/viewer/{file}")
    page.frame_locator("iframe[name=frameEditor]").locator("#text").wait_for()
    assert page.evaluate("window.run") is None
    assert page.evaluate("window.violations") == []


def test_another_site_cannot_frame_a_page(service: Service, tabs: BrowserContext, tmp_path: Path) -> None:
    page = tabs.new_page()
    page.set_content(f'<iframe src="{service.url}/"></iframe>')
    page.wait_for_timeout(500)
    framed = page.frames[1]
    assert framed.url.startswith("chrome-error:") or "Files" not in framed.content()
