"""A browser on the running service, with the words that a person would use."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, expect

from tests.service import Service, running

expect.set_options(timeout=15_000)  # milliseconds: a busy machine is no finding


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """Never auto-saves while a test looks, so that every save has one cause."""
    with running(tmp_path, AUTOSAVE_SECONDS="3600") as service:
        yield service


@pytest.fixture
def eager(tmp_path: Path) -> Iterator[Service]:
    """Auto-saves every second."""
    with running(tmp_path, AUTOSAVE_SECONDS="1") as service:
        yield service


@pytest.fixture
def tabs(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context()
    context.set_default_timeout(20_000)
    yield context
    context.close()


class Tab:
    """One browser tab with the editor in it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.goto(url)
        expect(self.text).to_be_editable(timeout=20_000)

    @property
    def editor(self) -> FrameLocator:
        return self.page.frame_locator("iframe[name=frameEditor]")

    @property
    def text(self):  # type: ignore[no-untyped-def]
        return self.editor.locator("#text")

    def type(self, words: str) -> None:
        self.text.click()
        self.page.keyboard.press("Control+Home")
        self.page.keyboard.type(words)

    def save(self) -> None:
        self.page.keyboard.press("Control+s")

    def close(self) -> None:
        assert self.complaints == []
        self.page.close()


def open_in(tabs: BrowserContext, service: Service, file: str, as_: str = "") -> Tab:
    query = f"?as={as_}" if as_ else ""
    return Tab(tabs.new_page(), f"{service.url}/api/onlyoffice/viewer/{file}{query}")


def words_of(docx: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(docx)) as archive:
        return archive.read("word/document.xml").decode()
