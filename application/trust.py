"""Whether the Document Server and we share a secret, and how far apart our clocks are."""

from __future__ import annotations

import logging

import trio

from application.ports import Code, DocumentServer, ServerUnreachable

logger = logging.getLogger(__name__)

PAUSE = 30.0  # seconds between two tests
FRESH = 5.0  # seconds for which the last test counts while the secret is rotated
SKEWED = 60.0  # seconds: the tolerance of the Document Server, and ours
REMEMBERED = 20_000  # letters
A_SECOND = 2.0  # seconds in which the same may be said in the same words
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
        self._heard: dict[str, float] = {}  # marks and when, the oldest first

    async def forgery(self, reason: str, address: str) -> None:
        """A callback that nobody can have signed: forged, or one side's secret is wrong."""
        self.forged += 1
        logger.warning("security: refused a callback from %s: %s", address, reason)
        await self.test()

    def heard(self, mark: str) -> bool:
        """Whether this very letter came before: by somebody who recorded it, or a proxy that tries again.

        The Document Server signs each attempt anew, by the second: what it says twice in one is not meant.
        """
        now = trio.current_time()
        again = now - self._heard.get(mark, now) > A_SECOND
        if mark and mark not in self._heard:
            self._heard[mark] = now
            if len(self._heard) > REMEMBERED:
                del self._heard[next(iter(self._heard))]
        return again

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
