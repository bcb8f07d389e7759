"""A rotation of the Document Server's secret: it is asked with the one it takes now, whoever was first."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol, TypeVar

from application.ports import DISTRUSTED, Answer, Blob, Code, ConversionFailed, DocumentServer

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Secrets(Protocol):
    """Of the Document Server, one of which signs what it is sent."""

    signing: int

    def __len__(self) -> int: ...

    def turn_from(self, which: int) -> None:
        """Sign with the next one, unless somebody else has turned already."""
        ...


class Rotating:
    """The Document Server, asked once more with the other secret when it does not believe the first.

    So every command heals what is signed after it, editor configurations too.
    """

    def __init__(self, server: DocumentServer, secrets: Secrets) -> None:
        self._server = server
        self._secrets = secrets

    async def command(self, name: str, key: str | None = None, **parameters: Any) -> Answer:
        """Raises ServerUnreachable."""
        return await self._asked(
            partial(self._server.command, name, key, **parameters),
            lambda answer: answer.error == Code.BAD_TOKEN,
        )

    async def convert(self, url: str, *, filetype: str, outputtype: str, key: str, title: str = "") -> str:
        """Raises ConversionFailed, ServerUnreachable."""

        async def ask() -> str | ConversionFailed:
            try:
                return await self._server.convert(
                    url, filetype=filetype, outputtype=outputtype, key=key, title=title
                )
            except ConversionFailed as failed:
                return failed

        result = await self._asked(ask, lambda it: isinstance(it, ConversionFailed) and it.code == DISTRUSTED)
        if isinstance(result, ConversionFailed):
            raise result
        return result

    async def fetch(self, url: str) -> Blob:
        """Raises DownloadFailed (DownloadGone), TooLarge, StorageFailed."""
        return await self._server.fetch(url)

    async def _asked(self, ask: Callable[[], Awaitable[T]], distrusted: Callable[[T], bool]) -> T:
        first = used = self._secrets.signing
        answer = await ask()
        for _ in range(1, len(self._secrets)):
            if not distrusted(answer):
                break
            self._secrets.turn_from(used)
            used = self._secrets.signing
            answer = await ask()
        if distrusted(answer):
            self._secrets.turn_from(used)
        elif used != first:
            logger.warning(
                "the Document Server takes our other secret now: what it is sent is signed with it"
            )
        return answer
