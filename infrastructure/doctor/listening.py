"""A plain GET, whose failure says what kind it is."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Self

import httpx
import trio

from application.doctor.seen import Heard, Silence, Trouble
from infrastructure.posting import (
    KEPT_ALIVE_SECONDS,
    UNCOMPRESSED,
    new_client,
    reading,
    reason,
    trust,
    trust_also,
)

MOST = 4096  # bytes of a body that are looked at
AT_ONCE = 8
_SELF_SIGNED, _UNTRUSTED, _OUT_OF_DATE, _OTHER_NAME = {18, 19}, {2, 20, 21}, {9, 10}, {62, 63, 64}


class Listening:
    """Trusts what the settings trust, and the usual authorities: browsers and proxies have others than we."""

    def __init__(self, ca_bundle: Path | None, seconds: float) -> None:
        self._seconds = seconds
        limits = httpx.Limits(max_connections=AT_ONCE, keepalive_expiry=KEPT_ALIVE_SECONDS)
        self._strict = new_client(trust(ca_bundle), limits=limits)
        self._usual = new_client(trust_also(ca_bundle), limits=limits)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._strict.aclose()
        await self._usual.aclose()

    async def get(self, url: str, *, strict: bool) -> Heard | Silence:
        """`strict` trusts nobody but whom the Document Server's clients trust."""
        try:
            with trio.fail_after(self._seconds):
                return await _get(self._strict if strict else self._usual, url)
        except trio.TooSlowError:
            return Silence(Trouble.SILENT, f"no answer within {self._seconds:g} s")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return _kind(error)


async def _get(client: httpx.AsyncClient, url: str) -> Heard:
    request = client.build_request("GET", url, headers=UNCOMPRESSED)
    async with reading(await client.send(request, stream=True)) as (response, chunks):
        arrived = time.time()
        body = b""
        async for chunk in chunks:
            body += chunk
            if len(body) >= MOST:
                break
        return Heard(
            status=response.status_code,
            text=body[:MOST].decode("utf-8", "replace"),
            location=response.headers.get("Location", ""),
            ahead=_ahead(response.headers.get("Date"), arrived),
            expires=_expires(response),
        )


def _ahead(date: str | None, arrived: float) -> float | None:
    """A Date has whole seconds, cut off: on average it is half a second old."""
    try:
        return parsedate_to_datetime(date).timestamp() + 0.5 - arrived if date else None
    except (ValueError, TypeError):
        return None


def _expires(response: httpx.Response) -> datetime | None:
    stream: Any = response.extensions.get("network_stream")
    tls = stream.get_extra_info("ssl_object") if stream else None
    if tls is None:
        return None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(tls.getpeercert()["notAfter"]), UTC)


def _kind(error: Exception) -> Silence:
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return _certificate(cause)
            case ssl.SSLError() if "WRONG_VERSION_NUMBER" in str(cause) or "RECORD_LAYER" in str(cause):
                return Silence(Trouble.NO_TLS, "it does not speak TLS")
            case socket.gaierror():
                return Silence(Trouble.UNKNOWN_HOST, "its name is not known here")
            case ConnectionRefusedError():
                return Silence(Trouble.REFUSED, "the connection is refused")
    return Silence(Trouble.BROKEN, reason(error))


def _certificate(error: ssl.SSLCertVerificationError) -> Silence:
    if error.verify_code in _SELF_SIGNED:
        return Silence(
            Trouble.SELF_SIGNED, "its certificate is signed by itself or by an authority of its own"
        )
    if error.verify_code in _OUT_OF_DATE:
        return Silence(Trouble.OUT_OF_DATE, "its certificate is out of date, or not valid yet")
    if error.verify_code in _OTHER_NAME:
        return Silence(Trouble.OTHER_NAME, "its certificate is made out to another name")
    return Silence(Trouble.UNTRUSTED, "its certificate is signed by an authority that is not trusted here")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for inner in error.exceptions:
                yield from _causes(inner)
        error = error.__cause__ or error.__context__
