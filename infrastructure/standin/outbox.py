"""What the stand-in asks of the integrator: takes callbacks to it, fetches documents from it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
import trio

from .callbacks import Fields, signed
from .config import StandinConfig
from .tokens import sign

AGENT = {
    "Accept": "application/json, text/plain, */*",
    "User-Agent": "Node.js/6.13",
    "Connection": "Keep-Alive",
}
RETRYABLE = frozenset({429, *range(500, 600)})
REDIRECTS = 21


class FetchFailed(Exception):
    """The document did not come."""


@dataclass(frozen=True, slots=True)
class Reply:
    accepted: bool
    retryable: bool = False


class Post(Protocol):
    """Takes callbacks to the integrator and brings documents back."""

    async def post(self, url: str, fields: Fields) -> Reply: ...

    async def fetch(self, url: str) -> bytes: ...


Body = bytes | AsyncIterator[bytes]
Trace = Callable[[str, dict[str, Any]], Awaitable[None]]


def new_client(config: StandinConfig) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        trust_env=False,
        follow_redirects=True,
        max_redirects=REDIRECTS,
        timeout=config.callback_timeout,
        headers=AGENT,
        # A connection the other side has just closed would cost a callback, and most have one try only.
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
    )


@dataclass(frozen=True, slots=True)
class Outbox:
    config: StandinConfig
    client: httpx.AsyncClient
    now: Callable[[], float]

    async def post(
        self,
        url: str,
        fields: Fields,
        *,
        shape: Callable[[bytes], Body] = bytes,
        trace: Trace | None = None,
    ) -> Reply:
        """One attempt at a callback; whatever goes wrong is a Reply that is not accepted."""
        plain, headers = signed(fields, self.config.signing_secret, self.now())
        body = json.dumps(plain, separators=(",", ":")).encode()
        headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        extensions = {"trace": trace} if trace else {}
        with trio.move_on_after(self.config.callback_timeout):
            try:
                response = await self.client.post(
                    url, content=shape(body), headers=headers, extensions=extensions
                )
            except (httpx.HTTPError, httpx.InvalidURL):
                return Reply(accepted=False, retryable=True)
            return judge(response.status_code, response.content)
        return Reply(accepted=False, retryable=True)

    async def fetch(self, url: str) -> bytes:
        """The document, in up to three attempts. Raises FetchFailed."""
        for attempt in range(self.config.fetch_attempts):
            if attempt:
                await trio.sleep(self.config.fetch_pause)
            with trio.move_on_after(self.config.fetch_timeout) as patience:
                try:
                    return await self._download(url)
                except (httpx.HTTPError, httpx.InvalidURL):
                    continue
            if patience.cancelled_caught:
                break
        raise FetchFailed(url)

    async def _download(self, url: str) -> bytes:
        secret = self.config.signing_secret
        token = sign({"payload": {"url": url}}, secret, self.now()) if secret else None
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        content = bytearray()
        async with self.client.stream("GET", url, headers=headers) as response:
            response.raise_for_status()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > self.config.fetch_limit:
                    raise FetchFailed("too large")
        return bytes(content)


def judge(status: int, body: bytes) -> Reply:
    """Success is HTTP 200 (204 has no body to say so) and a JSON `error` that JavaScript calls equal to 0."""
    if status not in {200, 204}:
        return Reply(accepted=False, retryable=status in RETRYABLE)
    try:
        answer = json.loads(body)
    except ValueError:
        return Reply(accepted=False)
    error = answer.get("error") if isinstance(answer, dict) else None
    return Reply(accepted=_loosely_zero(error))


def _loosely_zero(value: object) -> bool:
    if isinstance(value, str):
        try:
            return float(value.strip() or "0") == 0
        except ValueError:
            return False
    return value is not None and value == 0
