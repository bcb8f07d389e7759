"""A rotation of the Document Server's secret: it is asked with the one it takes now, whoever was first."""

from __future__ import annotations

import logging
from typing import Any, Protocol

from application.ports import Answer, Blob, Code, DocumentServer

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
        first = used = self._secrets.signing
        answer = await self._server.command(name, key, **parameters)
        for _ in range(1, len(self._secrets)):
            if answer.error != Code.BAD_TOKEN:
                break
            self._secrets.turn_from(used)
            used = self._secrets.signing
            answer = await self._server.command(name, key, **parameters)
        if answer.error == Code.BAD_TOKEN:
            self._secrets.turn_from(used)
        elif used != first:
            logger.warning(
                "the Document Server takes our other secret now: what it is sent is signed with it"
            )
        return answer

    async def fetch(self, url: str) -> Blob:
        """Raises DownloadFailed (DownloadGone), TooLarge, StorageFailed."""
        return await self._server.fetch(url)
