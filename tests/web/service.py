"""Docledger as its clients and its Document Server meet it: over HTTP, and not otherwise."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import certifi
import httpx
import jwt
import trio
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from infrastructure.settings import Settings
from tests.contract.word import docx, paragraph
from tests.web.fake_server import SECRET, FakeServer, envelope

AUTH_SECRET = "whoever signs our users in, secretly"
PUBLIC_URL = "http://docledger.test"
WORD = "Plan.docx"
CALLBACK = "/api/onlyoffice/callback"
DEADLINE = 15.0  # seconds, for any request and for the end of a service
BLINK, PATIENCE = 0.01, 1000  # seconds between two looks at what will be so, and how many looks


class Given(Settings):
    """Settings as a test gives them, whatever the environment or a .env file says."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        **_sources: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def settings(folder: Path, server: FakeServer, **given: Any) -> Settings:
    """Outside the demo, on a port that the system chooses."""
    usual = {
        "auth_secret": AUTH_SECRET,
        "data_dir": folder,
        "public_url": PUBLIC_URL,
        "document_server_url": server.url,
        "document_server_secret": SECRET,
        "autosave_seconds": 3600,
        "grace_seconds": 1,
        "callback_budget_seconds": 10,
        "ca_bundle": _one_authority(folder.with_suffix(".pem")),
    }
    return Given(**{**usual, **given}).model_copy(update={"port": 0})


def _one_authority(path: Path) -> Path:
    """Nothing here speaks TLS, and to read all the usual authorities takes as long as a whole test."""
    end = "-----END CERTIFICATE-----\n"
    path.write_text(certifi.contents().partition(end)[0] + end)
    return path


@cache  # an archive tells when it was made
def word(text: str) -> bytes:
    return docx(paragraph(text))


def sign_in(user: str, *, secret: str = AUTH_SECRET, **claims: Any) -> str:
    usual = {"sub": user, "name": user.title(), "exp": int(time.time()) + 600}
    return jwt.encode({**usual, **claims}, secret, "HS256")


def signed_in(user: str) -> dict[str, str]:
    """The headers of a request, now: a sign-in made when tests are collected may be over before they run."""
    return {"Authorization": f"Bearer {sign_in(user)}"}


@dataclass
class Service:
    """A running Docledger. `by` is who asks; nobody when it is None."""

    url: str
    server: FakeServer
    http: httpx.AsyncClient
    settings: Settings

    async def ask(
        self,
        method: str,
        path: str,
        *,
        by: str | None = "ada",
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> httpx.Response:
        """`by` may name a role as well: auditor:ann."""
        role, _, user = by.rpartition(":") if by else ("", "", None)
        who = {"Authorization": f"Bearer {sign_in(user, role=role)}"} if user else {}
        return await self.http.request(method, self.url + path, headers={**who, **(headers or {})}, **more)

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.ask("GET", path, **more)

    async def post(self, path: str, **more: Any) -> httpx.Response:
        return await self.ask("POST", path, **more)

    async def add(self, name: str = WORD, content: bytes | None = None, by: str = "ada") -> str:
        """A new file's id."""
        content = word("The first words.") if content is None else content
        added = await self.post("/api/files", by=by, files={"file": (name, content)})
        assert added.status_code == 201, added.text
        return str(added.json()["id"])

    async def share(self, file: str, **access: str | None) -> None:
        shared = await self.ask("PATCH", f"/api/files/{file}", json={"shares": access})
        assert shared.status_code == 200, shared.text

    async def open(self, file: str, by: str = "ada", **query: str) -> dict[str, Any]:
        """What the editor is given."""
        opened = await self.get(f"/api/onlyoffice/config/{file}", by=by, params=query)
        assert opened.status_code == 200, opened.text
        return dict(opened.json())

    async def key(self, file: str, by: str = "ada", **query: str) -> str:
        return str((await self.open(file, by, **query))["config"]["document"]["key"])

    async def begin(self, file: str, by: str = "ada") -> str:
        """The key of a session in which `by` has arrived."""
        config = (await self.open(file, by))["config"]
        key = str(config["document"]["key"])
        assert await self.told(1, key, users=[config["editorConfig"]["user"]["id"]]) == (200, 0)
        return key

    async def called(self, claims: Mapping[str, Any], secret: str = SECRET) -> httpx.Response:
        """The Document Server calls back."""
        headers, body = envelope(claims, secret)
        return await self.http.post(self.url + CALLBACK, headers=headers, json=body)

    async def told(self, status: int, key: str, **claims: Any) -> tuple[int, int]:
        """A callback's answer: the HTTP status and `error`."""
        response = await self.called({"key": key, "status": status, **claims})
        return response.status_code, response.json()["error"]

    async def offered(
        self, status: int, key: str, name: str, content: bytes, **claims: Any
    ) -> tuple[int, int]:
        """A callback with bytes behind its url, which is the same for the same name."""
        usual = {"filetype": "docx", "users": ["somebody"], "lastsave": second(0)}
        url = self.server.result(f"{key}_{name}", content)
        return await self.told(status, key, url=url, **{**usual, **claims})

    async def events(self, key: str, by: str = "ada") -> list[dict[str, Any]]:
        """The document's history; what callbacks were answered is recorded a little later, and left out."""
        told = await self.get(f"/api/documents/{key}/events", by=by)
        assert told.status_code == 200, told.text
        return [event for event in told.json()["events"] if event["type"] != "Replied"]

    async def story(self, key: str) -> list[str]:
        """What happened, in the words of the log; who was let in is another matter."""
        return [event["type"] for event in await self.events(key) if event["type"] != "Admitted"]

    async def until_replied(self, key: str) -> None:
        """The last callback's answer is in the log."""
        for _ in range(PATIENCE):
            told = await self.get(f"/api/documents/{key}/events?type=Replied", by="auditor:the test")
            if told.json()["events"]:
                return
            await trio.sleep(BLINK)
        raise AssertionError("the answer is in no history")

    async def document(self, key: str) -> dict[str, Any]:
        return dict((await self.get(f"/api/documents/{key}")).json())

    async def versions(self, file: str) -> list[dict[str, Any]]:
        return list((await self.get(f"/api/files/{file}/versions")).json()["versions"])

    async def triggers(self, file: str) -> list[str]:
        return [version["trigger"] for version in await self.versions(file)]

    async def content(self, file: str) -> bytes:
        """What people open."""
        return (await self.get(f"/api/files/{file}/content")).content

    async def until_closed(self, key: str) -> dict[str, Any]:
        return await self.until_it_is(key, "closed")

    async def until_it_is(self, key: str, state: str) -> dict[str, Any]:
        for _ in range(PATIENCE):
            document = await self.document(key)
            if document["state"] == state:
                return document
            await trio.sleep(BLINK)
        raise AssertionError(f"it is {document['state']}, never {state}")

    async def until(self, so: Callable[[], object]) -> None:
        for _ in range(PATIENCE):
            if so():
                return
            await trio.sleep(BLINK)
        raise AssertionError("it never came to that")

    def quarantined(self) -> dict[str, dict[str, Any]]:
        """The notes on suspect bytes, by their sha256."""
        notes = (self.settings.blobs_path / "quarantine").glob("*.json")
        return {told["sha256"]: told for told in (json.loads(note.read_text()) for note in notes)}


def second(number: int) -> str:
    """A `lastsave`: the server counts in seconds."""
    return f"2026-11-23T09:{number // 60:02}:{number % 60:02}.000Z"
