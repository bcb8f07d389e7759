"""How we speak HTTP with the Document Server: clients that follow nobody, and signed questions."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import trio

from application.ports import ServerUnreachable
from application.tokens import NoSecret

MAX_ANSWER_BYTES = 8 * 1024 * 1024  # getForgottenList names every forgotten key
CLOSING_SECONDS = 1
KEPT_ALIVE_SECONDS = 4  # Node hangs up after 5 idle seconds, perhaps just while we send
UNCOMPRESSED = {"Accept-Encoding": "identity"}
PLAINLY = {**UNCOMPRESSED, "User-Agent": f"python-httpx/{httpx.__version__}"}

Sign = Callable[[Mapping[str, Any]], str]


class SignedPost:
    """Posts parameters to the first of several paths that the server has, and remembers which it was."""

    def __init__(
        self, transport: httpx.AsyncBaseTransport, sign: Sign | None, base_url: str, *paths: str
    ) -> None:
        """`sign` makes the parameters' token; None is a Document Server with JWT off."""
        self._transport = transport
        self._sign = sign
        self._base_url = base_url
        self._paths = paths

    async def __call__(self, query: str, parameters: Mapping[str, Any]) -> bytes:
        """The answer's body. Raises ServerUnreachable, httpx.HTTPError, httpx.InvalidURL."""
        body = self._body(parameters)
        for path in self._paths:
            url = f"{self._base_url}{path}{query}"
            headers = {**PLAINLY, "Accept": "application/json"}
            request = httpx.Request("POST", url, json=body, headers=headers)
            async with reading(await self._transport.handle_async_request(request)) as (response, chunks):
                if response.status_code == 404:
                    continue
                if response.status_code != 200:
                    raise ServerUnreachable(f"{path} answered HTTP {response.status_code}")
                self._paths = (path, *(other for other in self._paths if other != path))
                return await _whole(chunks)
        raise ServerUnreachable(f"it has no {self._paths[0]}: HTTP 404")

    def _body(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._sign is None:
            return parameters
        try:
            return {"token": self._sign(parameters)}
        except NoSecret as error:
            raise ServerUnreachable(str(error)) from error


def trust(ca_bundle: Path | None) -> ssl.SSLContext:
    """The usual public authorities, or instead of them those in the bundle."""
    if ca_bundle is None:
        return httpx.create_ssl_context(trust_env=False)
    return ssl.create_default_context(cafile=str(ca_bundle))


def trust_also(ca_bundle: Path | None) -> ssl.SSLContext:
    """The usual public authorities, and those in the bundle."""
    context = trust(None)
    if ca_bundle is not None:
        context.load_verify_locations(cafile=str(ca_bundle))
    return context


def new_client(trusted: ssl.SSLContext, **more: Any) -> httpx.AsyncClient:
    """It follows nobody, and waits for as long as its caller does."""
    return httpx.AsyncClient(
        verify=trusted,
        trust_env=False,
        follow_redirects=False,
        timeout=None,  # noqa: S113 - the callers' own deadlines cover every wait
        **more,
    )


@asynccontextmanager
async def reading(response: httpx.Response) -> AsyncIterator[tuple[httpx.Response, AsyncIterator[bytes]]]:
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


def reason(error: Exception) -> str:
    return str(error) or type(error).__name__
