"""Docledger as its users reach it: the API, in the name of anybody the demo can play."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

COMMAND = (str(Path(sys.executable).with_name("docledger")), "serve")
PATIENCE = 30.0  # seconds for one answer


def environment(
    url: str, data: Path, server: str, secret: str, policy: str, documents: int, **more: str
) -> dict[str, str]:
    """Short pauses, and a budget so small that some callbacks are answered before their bytes are safe."""
    settings = {
        "PORT": url.rpartition(":")[2],
        "DATA_DIR": str(data),
        "DOCUMENT_SERVER_URL": server,
        "DOCUMENT_SERVER_SECRET": secret,
        "CALLBACK_REPLY": policy,
        "CALLBACK_BUDGET_SECONDS": "5",
        "AUTOSAVE_SECONDS": str(max(2, documents // 20)),
        "FORGOTTEN_SECONDS": "2",
        "GRACE_SECONDS": "5",
        "RATE_LIMIT": "off",
        **more,
    }
    others = {name: value for name, value in os.environ.items() if not name.startswith("DOCLEDGER_")}
    return {**others, **{f"DOCLEDGER_{name}": value for name, value in settings.items()}}


class Docledger:
    """Raises httpx.HTTPError whenever the answer is no good one."""

    def __init__(self, url: str, http: httpx.AsyncClient) -> None:
        self._url = url
        self._http = http

    async def add(self, name: str, content: bytes) -> str:
        """A new file that everybody may edit; its id."""
        added = await self._json("POST", "/api/files", files={"file": (name, content)})
        await self._json("PATCH", f"/api/files/{added['id']}", json={"shares": {"*": "edit"}})
        return str(added["id"])

    async def config(self, file: str, person: str) -> dict[str, Any]:
        """What the editor's page would be given."""
        answer = await self._json("GET", f"/api/onlyoffice/config/{file}", params={"as": person})
        return {**answer["config"], "token": answer["token"]}

    async def upload(self, file: str, content: bytes) -> None:
        await self._json("PUT", f"/api/files/{file}/content", content=content)

    async def restore(self, file: str, number: int) -> None:
        await self._json("POST", f"/api/files/{file}/versions/{number}/restore")

    async def versions(self, file: str) -> list[dict[str, Any]]:
        return list((await self._json("GET", f"/api/files/{file}/versions"))["versions"])

    async def content(self, file: str, number: int) -> bytes:
        return (await self._send("GET", f"/api/files/{file}/versions/{number}/content")).content

    async def open_documents(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        path = "/api/documents?limit=1000"
        while True:
            page = await self._json("GET", path)
            found += page["documents"]
            if page["next"] is None:
                return found
            path = f"/api/documents?limit=1000&after={page['next']}"

    async def document(self, key: str) -> dict[str, Any] | None:
        """None for a key that it does not know."""
        try:
            return dict(await self._json("GET", f"/api/documents/{key}"))
        except httpx.HTTPStatusError as refused:
            if refused.response.status_code == httpx.codes.NOT_FOUND:
                return None
            raise

    async def events(self, key: str) -> list[Mapping[str, Any]]:
        events: list[Mapping[str, Any]] = []
        path: str | None = f"/api/documents/{key}/events"
        while path:
            page = await self._json("GET", path)
            events, path = [*events, *page["events"]], page["next"]
        return events

    async def _json(self, method: str, path: str, **more: Any) -> Any:
        return (await self._send(method, path, **more)).json()

    async def _send(self, method: str, path: str, **more: Any) -> httpx.Response:
        response = await self._http.request(method, self._url + path, timeout=PATIENCE, **more)
        return response.raise_for_status()
