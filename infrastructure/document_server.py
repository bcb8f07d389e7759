"""The Document Server from our side: its command service, and the results it offers for download."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import httpx
import trio

from application.ports import Answer, Blob, Blobs, DownloadFailed, DownloadGone, ServerUnreachable, TooLarge
from application.tokens import NoSecret
from infrastructure.result_urls import result_url

LEGACY_PATH = "/coauthoring/CommandService.ashx"
PATH = "/command"
COMMANDS_AT_ONCE = 8  # httpx slows down with the number of its connections
DOWNLOADS_AT_ONCE = 16
MAX_ANSWER_BYTES = 8 * 1024 * 1024  # getForgottenList names every forgotten key

CLOSING_SECONDS = 1
KEPT_ALIVE_SECONDS = 4  # Node hangs up after 5 idle seconds, perhaps just while we send

_UNCOMPRESSED = {"Accept-Encoding": "identity"}
_GONE = frozenset({403, 404, 410})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a Document Server is and how long we wait for it; urls without a trailing slash."""

    public_url: str  # how browsers reach it, and thus how its result urls begin
    internal_url: str  # how we reach it
    result_origins: tuple[str, ...] = ()
    max_bytes: int = 100 * 1024 * 1024
    ca_bundle: Path | None = None
    command_seconds: float = 15
    info_seconds: float = 150  # it answers only when our own callback has been answered
    download_seconds: float = 120
    idle_seconds: float = 15


class HttpDocumentServer:
    """Two clients, so that slow downloads never stand in the way of commands."""

    def __init__(
        self,
        endpoint: Endpoint,
        blobs: Blobs,
        sign: Callable[[Mapping[str, Any]], str] | None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`sign` makes a command's token; None is a Document Server with JWT off."""
        self._endpoint = endpoint
        self._blobs = blobs
        self._sign = sign
        self._paths: tuple[str, ...] = (LEGACY_PATH, PATH)  # the one that works comes first
        trust = _trust(endpoint.ca_bundle)
        self._commands = _client(trust, 2 * COMMANDS_AT_ONCE, transport)
        self._downloads = _client(trust, DOWNLOADS_AT_ONCE, transport)
        self._command_slots = trio.CapacityLimiter(COMMANDS_AT_ONCE)
        self._info_slots = trio.CapacityLimiter(COMMANDS_AT_ONCE)
        self._download_slots = trio.CapacityLimiter(DOWNLOADS_AT_ONCE)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._commands.aclose()
        await self._downloads.aclose()

    async def command(self, name: str, key: str | None = None, **parameters: Any) -> Answer:
        """Sends one command; the wait for a free slot counts as well. Raises ServerUnreachable."""
        subject = {} if key is None else {"key": key}
        body = self._body({"c": name, **subject, **parameters})
        query = "" if key is None else f"?shardkey={quote(key, safe='')}"
        # `info` waits for our own callbacks: it must not keep the other commands waiting with it.
        waits = name == "info"
        seconds = self._endpoint.info_seconds if waits else self._endpoint.command_seconds
        try:
            with trio.fail_after(seconds):
                async with self._info_slots if waits else self._command_slots:
                    return _answer(await self._post(query, body))
        except trio.TooSlowError as error:
            raise ServerUnreachable(f"no answer to {name} within {seconds:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ServerUnreachable(f"no answer to {name}: {_reason(error)}") from error

    async def fetch(self, url: str) -> Blob:
        """Raises DownloadFailed (DownloadGone), TooLarge, StorageFailed."""
        place = self._endpoint
        target = result_url(url, place.public_url, place.internal_url, place.result_origins)
        with _as_download_failed(self._endpoint):
            with trio.fail_after(self._endpoint.download_seconds):
                async with self._download_slots:
                    return await self._download(target)

    def _body(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._sign is None:
            return parameters
        try:
            return {"token": self._sign(parameters)}
        except NoSecret as error:
            raise ServerUnreachable(str(error)) from error

    async def _post(self, query: str, body: Mapping[str, Any]) -> bytes:
        for path in self._paths:
            url = f"{self._endpoint.internal_url}{path}{query}"
            request = self._commands.build_request("POST", url, json=body, headers=_UNCOMPRESSED)
            async with _body(await self._commands.send(request, stream=True)) as (response, chunks):
                if response.status_code == 404:
                    continue
                if response.status_code != 200:
                    raise ServerUnreachable(f"its command service answered HTTP {response.status_code}")
                self._paths = (path, *(other for other in self._paths if other != path))
                return await _whole(chunks)
        raise ServerUnreachable("it has no command service: HTTP 404")

    async def _download(self, url: httpx.URL) -> Blob:
        request = self._downloads.build_request("GET", url, headers=_UNCOMPRESSED)
        with trio.fail_after(self._endpoint.idle_seconds):
            response = await self._downloads.send(request, stream=True)
        async with _body(response) as (response, chunks):
            length = _promised_length(response, self._endpoint.max_bytes)
            async with aclosing(_arriving(chunks, length, self._endpoint.idle_seconds)) as arriving:
                return await self._blobs.keep(arriving, limit=self._endpoint.max_bytes)


def _trust(ca_bundle: Path | None) -> ssl.SSLContext:
    if ca_bundle is None:
        return httpx.create_ssl_context(trust_env=False)
    return ssl.create_default_context(cafile=str(ca_bundle))


def _client(
    trust: ssl.SSLContext, connections: int, transport: httpx.AsyncBaseTransport | None
) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        verify=trust,
        trust_env=False,
        follow_redirects=False,
        timeout=None,  # noqa: S113 - the callers' own deadlines cover every wait
        limits=httpx.Limits(max_connections=connections, keepalive_expiry=KEPT_ALIVE_SECONDS),
        transport=transport,
    )


@asynccontextmanager
async def _body(response: httpx.Response) -> AsyncIterator[tuple[httpx.Response, AsyncIterator[bytes]]]:
    """Closes the connection unless the body was read to its end, and httpx's generators in any case.

    httpx leaves those of a half-read body to the garbage collector, of which Trio complains; a read
    from the closed connection makes them all end in order.
    """
    chunks = response.aiter_raw()
    try:
        yield response, chunks
    finally:
        with trio.move_on_after(CLOSING_SECONDS, shield=True):
            await response.aclose()
            with suppress(httpx.HTTPError, httpx.StreamError):
                async for _ in chunks:
                    pass


async def _whole(chunks: AsyncIterator[bytes]) -> bytes:
    body = b""
    async for chunk in chunks:
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise ServerUnreachable("its answer is too long")
    return body


def _answer(body: bytes) -> Answer:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ServerUnreachable("its answer is not JSON; is this a Document Server?") from error
    match answer:
        case {"error": int(code)} if not isinstance(code, bool):
            return Answer(code, answer)
    raise ServerUnreachable("its answer has no error code; is this a Document Server?")


def _promised_length(response: httpx.Response, limit: int) -> int | None:
    """None for a chunked body, which says itself where it ends."""
    status = response.status_code
    if status in _GONE:
        raise DownloadGone(f"the Document Server answered HTTP {status}")
    if status != 200:
        raise DownloadFailed(f"the Document Server answered HTTP {status}")
    if response.headers.get("Content-Encoding", "identity").lower() not in {"identity", ""}:
        raise DownloadFailed("the body is compressed, which was not asked for")
    if response.headers.get("Transfer-Encoding", "").lower() == "chunked":
        return None
    length = response.headers.get("Content-Length", "")
    if not (length.isascii() and length.isdigit()):
        raise DownloadFailed("the body's length is not given, so that a cut could not be told from its end")
    if int(length) > limit:
        raise TooLarge(f"{length} bytes, more than {limit}")
    return int(length)


async def _arriving(
    chunks: AsyncIterator[bytes], length: int | None, idle: float
) -> AsyncGenerator[bytes, None]:
    arrived = 0
    while True:
        with trio.fail_after(idle):
            chunk = await anext(chunks, None)
        if chunk is None:
            break
        arrived += len(chunk)
        yield chunk
    if length is not None and arrived != length:
        raise DownloadFailed(f"{arrived} of {length} bytes arrived")


@contextmanager
def _as_download_failed(endpoint: Endpoint) -> Iterator[None]:
    try:
        yield
    except trio.TooSlowError as error:
        limits = f"{endpoint.idle_seconds:g} s of silence or {endpoint.download_seconds:g} s in all"
        raise DownloadFailed(f"the download took too long ({limits})") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DownloadFailed(f"the download broke off: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
