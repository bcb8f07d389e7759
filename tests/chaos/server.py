"""The stand-in Document Server as the run commands it: faults, its state, the offers it remembers."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import jwt

PATIENCE = 30.0  # seconds for one answer
SAVE_DELAY = 0.5  # seconds from the last one's leaving to the final save
LINGER = 20.0  # seconds by which it outlives a run that was killed


def command(port: int, folder: Path) -> list[str]:
    own = [sys.executable, "-m", "infrastructure.standin", "--port", str(port), "--folder", str(folder)]
    own += ["--control", "--save-delay", str(SAVE_DELAY)]
    return [*own, "--parent", str(os.getpid()), "--linger", str(LINGER)]


def environment(secret: str) -> dict[str, str]:
    return {**os.environ, "STANDIN_SECRET": secret}


class DocumentServer:
    """Raises httpx.HTTPError whenever the answer is no good one."""

    def __init__(self, url: str, secret: str, folder: Path, http: httpx.AsyncClient) -> None:
        self._url, self._secret, self._http = url, secret, http
        self._folder = folder

    @property
    def socket(self) -> str:
        return self._url.replace("http:", "ws:") + "/standin/socket"

    @property
    def offers_file(self) -> Path:
        return self._folder / "offers.jsonl"

    def offered(self, sha256: str) -> bytes:
        return (self._folder / "offered" / sha256).read_bytes()

    async def fault(self, words: Mapping[str, Any], key: str | None = None) -> None:
        await self._do("fault", **words, **({"key": key} if key else {}))

    async def clear(self) -> None:
        await self._do("clear")

    async def state(self) -> dict[str, Any]:
        return await self._do("state")

    async def offers(self) -> list[dict[str, Any]]:
        return list((await self._do("offers"))["offers"])

    async def forcesaves(self) -> list[dict[str, Any]]:
        return list((await self._do("forcesaves"))["forcesaves"])

    async def _do(self, what: str, **more: Any) -> dict[str, Any]:
        token = jwt.encode({"do": what, **more}, self._secret, "HS256")
        url = f"{self._url}/standin/control"
        response = await self._http.post(url, json={"token": token}, timeout=PATIENCE)
        return dict(response.raise_for_status().json())
