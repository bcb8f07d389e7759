"""Webhooks as the Standard Webhooks specification has them (version 1.0.0, symmetric signatures)."""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from pathlib import Path
from typing import Self

import httpx
import trio

from application.announcing import Message
from application.webhooks import SORRY, Undelivered
from infrastructure.posting import new_client, trust_also

PREFIX = "whsec_"  # what follows is the key in Base64; any other secret is the key itself
SECONDS = 20.0  # for a receiver to take what it is told; the specification says 15 to 30
CLOSING = 1.0  # seconds
HEADERS = {
    "Content-Type": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": f"Docledger/{version('docledger')}",
}


def key_of(secret: str) -> bytes:
    """Raises ValueError."""
    return (
        b64decode(secret.removeprefix(PREFIX), validate=True)
        if secret.startswith(PREFIX)
        else secret.encode()
    )


def signature(key: bytes, id_: str, timestamp: int, body: bytes) -> str:
    signed = b"%b.%d.%b" % (id_.encode(), timestamp, body)
    return f"v1,{b64encode(hmac.digest(key, signed, 'sha256')).decode()}"


class WebhookPost:
    """Whatever answers with a 2xx has taken the message; of what it says beyond that nothing is read."""

    def __init__(
        self, secret: str, ca_bundle: Path | None, now: Callable[[], datetime], seconds: float = SECONDS
    ) -> None:
        self._key = key_of(secret)
        self._now = now
        self._seconds = seconds
        self._client = new_client(trust_also(ca_bundle))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def __call__(self, url: str, message: Message) -> None:
        """Raises Undelivered."""
        try:
            with trio.fail_after(self._seconds):
                request = self._client.build_request(
                    "POST", url, content=message.body, headers=self._headers(message)
                )
                response = await self._client.send(request, stream=True)
        except trio.TooSlowError:
            raise Undelivered(f"no answer within {self._seconds:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Undelivered(f"{type(error).__name__}: {error}".removesuffix(": ")) from error
        with trio.move_on_after(CLOSING, shield=True):
            await response.aclose()
        if not response.is_success:
            raise Undelivered(f"HTTP {response.status_code}", self._wait(response))

    def _headers(self, message: Message) -> dict[str, str]:
        timestamp = int(self._now().timestamp())
        return HEADERS | {
            "webhook-id": message.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(self._key, message.id, timestamp, message.body),
        }

    def _wait(self, response: httpx.Response) -> float:
        """Seconds that it asks for; who is gone for good may come back all the same, but slowly."""
        if response.status_code == httpx.codes.GONE:
            return SORRY
        asked = response.headers.get("Retry-After", "")
        if asked.isascii() and asked.isdigit():
            return float(asked[:9])
        with suppress(ValueError, TypeError):
            return (parsedate_to_datetime(asked) - self._now()).total_seconds()
        return 0.0
