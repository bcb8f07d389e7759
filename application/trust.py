"""Whether the Document Server and we share a secret, and how far apart our clocks are."""

from __future__ import annotations

import logging

import trio

from application.ports import Code, DocumentServer, ServerUnreachable

logger = logging.getLogger(__name__)

PAUSE = 30.0  # seconds between two tests
FRESH = 5.0  # seconds for which the last test counts while the secret is rotated
SKEWED = 60.0  # seconds: the tolerance of the Document Server, and ours
SAID_FOR = 3600.0  # seconds until the same skew is said again


class Trust:
    def __init__(self, server: DocumentServer, *, rotating: bool = False) -> None:
        """`rotating`: there are two secrets, and what editors are given must be signed with the right one."""
        self._server = server
        self._rotating = rotating
        self._one_test = trio.Lock()
        self._tested_at = -PAUSE
        self.refused = False  # the server does not accept what we sign
        self.forged = 0  # callbacks with a bad signature, since the start
        self.skew: float | None = None  # seconds by which the server's clock was last ahead of ours
        self._skew_said_at = -SAID_FOR

    async def forgery(self, reason: str, address: str) -> None:
        """A callback that nobody can have signed: forged, or one side's secret is wrong."""
        self.forged += 1
        logger.warning("security: refused a callback from %s: %s", address, reason)
        await self.test()

    def note_clock(self, skew: float | None) -> None:
        """From a genuine callback. A wrong clock loses nothing, but tokens of ours may seem expired there."""
        self.skew = skew if skew is not None else self.skew
        if skew is None or abs(skew) <= SKEWED or trio.current_time() - self._skew_said_at < SAID_FOR:
            return
        self._skew_said_at = trio.current_time()
        side = "ahead of" if skew > 0 else "behind"
        logger.error("the Document Server's clock is %.0f s %s ours: set both by NTP", abs(skew), side)

    async def settled(self) -> bool:
        """Whether documents can be opened; a refusal is tested again, now and then."""
        if self._rotating:
            async with self._one_test:  # whoever comes meanwhile waits for what it says
                await self.test(FRESH)
        elif self.refused:
            await self.test()
        return not self.refused

    async def test(self, pause: float = PAUSE) -> None:
        if trio.current_time() - self._tested_at < pause:
            return
        self._tested_at = trio.current_time()
        try:
            answer = await self._server.command("version")
        except ServerUnreachable as trouble:
            logger.warning("the secret could not be tested: %s", trouble)
            return
        self.refused = answer.error == Code.BAD_TOKEN
        if self.refused:
            logger.critical("the Document Server refuses our tokens: DOCUMENT_SERVER_SECRET is not its own")
