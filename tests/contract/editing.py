"""People at their editors: opens pages in a real browser, types, saves and leaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from tests.contract.integrator import Integrator
from tests.contract.servers import DocumentServer

READY = "window.events.some(([name]) => name === 'onDocumentReady')"
PATIENCE = 60_000  # milliseconds


@dataclass
class Desk:
    server: DocumentServer
    ours: Integrator
    browser: Browser
    key: str
    contexts: list[BrowserContext] = field(default_factory=list)

    def config(self, user: str = "ada", **changes: Any) -> dict[str, Any]:
        """What a config endpoint would answer; `changes` go into editorConfig, `document` into document.

        None leaves something out.
        """
        document = {
            "fileType": "docx",
            "key": self.key,
            "title": "letter.docx",
            "url": f"{self.ours.url}/files/letter.docx?key={self.key}",
            "permissions": {"edit": True},
            **changes.pop("document", {}),
        }
        editor = {
            "mode": "edit",
            "callbackUrl": f"{self.ours.url}/callback?who={user}",
            "user": {"id": user, "name": user.title()},
            "customization": {"forcesave": True},
            **changes,
        }
        editor = {name: value for name, value in editor.items() if value is not None}
        return {"documentType": "word", "document": document, "editorConfig": editor}

    def visit(self, config: dict[str, Any], handled: list[str] | None = None) -> Page:
        context = self.browser.new_context(color_scheme="light")
        self.contexts.append(context)
        page = context.new_page()
        page.goto(self.ours.page(self.server.api, config, handled))
        return page

    def open(self, user: str = "ada", **changes: Any) -> Page:
        """An editor that is ready."""
        page = self.visit(self.config(user, **changes))
        page.wait_for_function(READY, timeout=PATIENCE)
        return page

    def type(self, page: Page, text: str) -> None:
        """Type, and wait until the server has it."""
        self.server.type(page, text)
        self.server.told(page)
        page.wait_for_function(
            "window.events.findLast(([name]) => name === 'onDocumentStateChange')?.[1] === false",
            timeout=PATIENCE,
        )

    def leave_all(self) -> None:
        for context in self.contexts:
            context.close()


def first_event(page: Page, name: str) -> Any:
    """The data of the page's first event of this name, waiting for it."""
    page.wait_for_function(
        "name => window.events.some(([each]) => each === name)", arg=name, timeout=PATIENCE
    )
    return page.evaluate("name => window.events.find(([each]) => each === name)[1]", name)
