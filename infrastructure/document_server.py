"""The Document Server from our side: its commands, its converter, and what it offers for download."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, Self
from urllib.parse import quote

import httpx
import trio

from application.outside_json import value_of
from application.ports import Answer, Blob, DownloadFailed, DownloadGone, ServerUnreachable, TooLarge
from infrastructure import converter
from infrastructure.converter import Converter
from infrastructure.kept_alive import KeptAlive
from infrastructure.posting import PLAINLY, Sign, SignedPost, reading, reason, trust
from infrastructure.result_urls import result_url

LEGACY_PATH = "/coauthoring/CommandService.ashx"
PATH = "/command"
COMMANDS_AT_ONCE = 16  # of each kind; thousands of documents are auto-saved in half a minute
DOWNLOADS_AT_ONCE = 16

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
    conversion_seconds: float = 120


class Keeping(Protocol):
    """As much of a blob store as a download needs."""

    async def keep(self, chunks: AsyncIterable[bytes], *, limit: int) -> Blob:
        """Raises TooLarge, StorageFailed."""
        ...


class HttpDocumentServer:
    """So many exchanges of each kind at once, so that slow downloads never stand in the way of commands."""

    def __init__(
        self,
        endpoint: Endpoint,
        blobs: Keeping,
        sign: Sign | None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`sign` makes a command's token; None is a Document Server with JWT off."""
        self._endpoint = endpoint
        self._blobs = blobs
        self._transport = transport or KeptAlive(trust(endpoint.ca_bundle))
        to_server = partial(SignedPost, self._transport, sign, endpoint.internal_url)
        self._post = to_server(LEGACY_PATH, PATH)
        self._converter = Converter(
            to_server(converter.PATH, converter.LEGACY_PATH),
            question_seconds=endpoint.command_seconds,
            seconds=endpoint.conversion_seconds,
        )
        self._command_slots = trio.CapacityLimiter(COMMANDS_AT_ONCE)
        self._info_slots = trio.CapacityLimiter(COMMANDS_AT_ONCE)
        self._download_slots = trio.CapacityLimiter(DOWNLOADS_AT_ONCE)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._transport.aclose()

    async def command(self, name: str, key: str | None = None, **parameters: Any) -> Answer:
        """Sends one command; the wait for a free slot counts as well. Raises ServerUnreachable."""
        subject = {} if key is None else {"key": key}
        query = "" if key is None else f"?shardkey={quote(key, safe='')}"
        # `info` waits for our own callbacks: it must not keep the other commands waiting with it.
        waits = name == "info"
        slots = self._info_slots if waits else self._command_slots
        seconds = self._endpoint.info_seconds if waits else self._endpoint.command_seconds
        try:
            with trio.fail_after(seconds):
                async with slots:
                    return _answer(await self._post(query, {"c": name, **subject, **parameters}))
        except trio.TooSlowError as error:
            raise ServerUnreachable(f"no answer to {name} within {seconds:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ServerUnreachable(f"no answer to {name}: {reason(error)}") from error

    async def convert(self, url: str, *, filetype: str, outputtype: str, key: str, title: str = "") -> str:
        """The url of what it made of it. Raises ConversionFailed, ServerUnreachable."""
        wanted = {"filetype": filetype, "key": key, "outputtype": outputtype, "title": title, "url": url}
        return await self._converter.convert(wanted)

    async def fetch(self, url: str) -> Blob:
        """Raises DownloadFailed (DownloadGone), TooLarge, StorageFailed."""
        place = self._endpoint
        target = result_url(url, place.public_url, place.internal_url, place.result_origins)
        with _as_download_failed(self._endpoint):
            with trio.fail_after(self._endpoint.download_seconds):
                async with self._download_slots:
                    return await self._download(target)

    async def _download(self, url: httpx.URL) -> Blob:
        with trio.fail_after(self._endpoint.idle_seconds):
            response = await self._transport.handle_async_request(httpx.Request("GET", url, headers=PLAINLY))
        async with reading(response) as (response, chunks):
            length = _promised_length(response, self._endpoint.max_bytes)
            async with aclosing(_arriving(chunks, length, self._endpoint.idle_seconds)) as arriving:
                return await self._blobs.keep(arriving, limit=self._endpoint.max_bytes)


def _answer(body: bytes) -> Answer:
    try:
        answer = value_of(body)
    except ValueError as error:
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
        raise DownloadFailed(f"the download broke off: {reason(error)}") from error
