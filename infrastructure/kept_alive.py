"""HTTP connections kept for one exchange after the other.

httpx' pool looks at every connection for every request, and its client does much for a request that follows
nobody: a download took 920 µs of CPU among sixteen. httpcore's connection, which both are made of, is all
that it needs.
"""

from __future__ import annotations

import ssl
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import httpcore
import httpx
import trio

from infrastructure.posting import CLOSING_SECONDS, KEPT_ALIVE_SECONDS

BROKEN = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException)
PORTS = {"http": 80, "https": 443}


class Idle(NamedTuple):
    since: float
    connection: httpcore.AsyncHTTPConnection


class KeptAlive(httpx.AsyncBaseTransport):
    """How many there are at once is the caller's to bound; so are all waits."""

    def __init__(self, trusted: ssl.SSLContext, seconds: float = KEPT_ALIVE_SECONDS) -> None:
        """A connection may be idle for so many `seconds`."""
        self._trusted = trusted
        self._seconds = seconds
        self._idle: dict[tuple[str, bytes, int], deque[Idle]] = defaultdict(deque)  # the longest idle first

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises httpx.TransportError."""
        url = request.url
        place = url.scheme, url.raw_host, url.port or PORTS[url.scheme]
        connection = await self._taken(place)
        asked = httpcore.Request(
            request.method,
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=place[2], target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
        )
        try:
            with _as_transport_error():
                response = await connection.handle_async_request(asked)
        except BaseException:  # httpcore leaves one that is cancelled before it sends to its pool
            await _closed(connection)
            raise

        async def close() -> None:
            with trio.move_on_after(CLOSING_SECONDS, shield=True):
                await response.aclose()
            if connection.is_idle():
                self._idle[place].append(Idle(trio.current_time(), connection))

        body = _Body(response, close)
        return httpx.Response(response.status, headers=response.headers, stream=body, request=request)

    async def aclose(self) -> None:
        """All that are idle, also while the caller is cancelled."""
        with trio.move_on_after(CLOSING_SECONDS, shield=True):
            for idle in self._idle.values():
                while idle:
                    await idle.pop().connection.aclose()

    async def _taken(self, place: tuple[str, bytes, int]) -> httpcore.AsyncHTTPConnection:
        """The one used last, if it is still good; whatever nobody has needed for long is closed."""
        idle = self._idle[place]
        while idle and idle[0].since < trio.current_time() - self._seconds:
            await _closed(idle.popleft().connection)
        while idle:
            connection = idle.pop().connection
            if not connection.has_expired():
                return connection
            await _closed(connection)
        scheme, host, port = place
        return httpcore.AsyncHTTPConnection(
            httpcore.Origin(scheme.encode(), host, port),
            ssl_context=self._trusted,
            keepalive_expiry=self._seconds,
        )


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: httpcore.Response, close: Callable[[], Awaitable[None]]) -> None:
        self._response = response
        self._close = close

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_transport_error():
            async for chunk in self._response.aiter_stream():
                yield chunk

    async def aclose(self) -> None:
        with _as_transport_error():
            await self._close()


async def _closed(connection: httpcore.AsyncHTTPConnection) -> None:
    """Also while the caller is cancelled."""
    with trio.move_on_after(CLOSING_SECONDS, shield=True):
        await connection.aclose()


@contextmanager
def _as_transport_error() -> Iterator[None]:
    try:
        yield
    except BROKEN as error:
        raise httpx.TransportError(str(error) or type(error).__name__) from error
