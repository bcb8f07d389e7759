"""The Document Servers under contract: the stand-in as a process, and a real one if there is one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import jwt
from playwright.sync_api import Page, expect

SECRET = "the-contract-suite-has-a-long-secret"
REAL_URL, REAL_SECRET = "DOCLEDGER_TEST_DOCUMENT_SERVER_URL", "DOCLEDGER_TEST_DOCUMENT_SERVER_SECRET"
INTEGRATOR_HOST = "DOCLEDGER_TEST_INTEGRATOR_HOST"  # where a real server, perhaps elsewhere, reaches us


@dataclass(frozen=True)
class DocumentServer:
    url: str
    secret: str
    real: bool

    @property
    def api(self) -> str:
        return f"{self.url}/web-apps/apps/api/documents/api.js"

    def command(self, path: str = "/command", **params: object) -> dict[str, Any]:
        return self.send({"token": self.token(params)}, path=path)

    def send(self, body: object, *, path: str = "/command", authorization: str = "") -> dict[str, Any]:
        headers = {"Authorization": authorization} if authorization else {}
        reply = httpx.post(self.url + path, json=body, headers=headers, timeout=60, trust_env=False)
        assert reply.status_code == 200, "the command service says everything with 200"
        answer: dict[str, Any] = reply.json()
        return answer

    def token(self, claims: dict[str, Any], secret: str | None = None) -> str:
        return jwt.encode(claims, secret or self.secret, algorithm="HS256")

    def type(self, page: Page, text: str) -> None:
        """Type at the end of the document."""
        editor = page.frame_locator("iframe[name=frameEditor]")
        surface = editor.locator("#editor_sdk" if self.real else "#text")
        surface.click()
        page.keyboard.press("Control+End")
        page.keyboard.type(text)

    def told(self, page: Page) -> None:
        """Wait until the stand-in's page has told all; a page hears of its frame's last word only later."""
        if not self.real:
            status = page.frame_locator("iframe[name=frameEditor]").locator("#status")
            expect(status).not_to_have_text("Saving…", timeout=60_000)


@contextmanager
def standin_process(directory: Path, save_delay: float = 0.4) -> Iterator[DocumentServer]:
    state = directory / "standin.json"
    command = [sys.executable, "-m", "infrastructure.standin", "--save-delay", str(save_delay)]
    environment = {**os.environ, "STANDIN_SECRET": SECRET}
    with subprocess.Popen([*command, "--state-file", str(state)], env=environment) as process:
        try:
            yield _listening(state, process)
        finally:
            process.kill()  # not terminate: it would try to save what no integrator waits for any more


def real_server() -> DocumentServer:
    return DocumentServer(os.environ[REAL_URL].rstrip("/"), os.environ[REAL_SECRET], real=True)


def _listening(state: Path, process: subprocess.Popen[bytes]) -> DocumentServer:
    deadline = monotonic() + 20
    while not state.exists():
        assert process.poll() is None, "the stand-in did not start"
        assert monotonic() < deadline, "the stand-in does not listen"
        sleep(0.05)  # another process: there is nothing here to wait on but its file
    told = json.loads(state.read_text())
    return DocumentServer(told["url"], told["secret"], real=False)
