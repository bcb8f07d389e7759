"""Windows that several processes count in together, in Redis; while it fails, each in its own memory."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import cast

import trio
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Disconnected
from redis.retry import Retry

from application.limits import UNLIMITED, Decision, NotCounted
from infrastructure.limits.memory import MemoryRateLimit, decided, limit_of
from infrastructure.settings import PREFIX, SettingsError

logger = logging.getLogger(__name__)

KEYS = "docledger"  # what all of ours begin with
DEADLINE = 0.25  # seconds that a request waits
PATIENCE = 2.0  # seconds until nobody waits any more: to connect takes longer, all the more with TLS
PAUSE = 1.0  # seconds between two attempts to reach Redis again
THREADS = 4

# One trip, and it is Redis that ends a window: no clock of ours is looked at.
COUNT = """
local count = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  left = 1000 * ARGV[1]
  redis.call('PEXPIRE', KEYS[1], left)
end
return {count, left}
"""


class RedisCounters:
    """Whoever finds that Redis fails is the last to wait for it, until it counts again."""

    def __init__(self, url: str, deadline: float = DEADLINE, pause: float = PAUSE) -> None:
        """Raises SettingsError."""
        self._deadline = deadline
        self._pause = pause
        self._count = _client(url).register_script(COUNT)
        self._threads = trio.CapacityLimiter(THREADS)
        self._doubt = trio.Event()
        self.failing = False

    async def hit(self, key: str, window: int) -> tuple[int, float] | None:
        """The count and the seconds that its window has left; None while Redis fails."""
        if self.failing:
            return None
        try:
            return await self._hit(key, window, self._deadline)
        except NotCounted:
            self.failing = True
            self._doubt.set()
            return None

    async def run(self) -> None:
        """For ever: tell of each outage, when it begins and when it ends."""
        told = False
        while True:
            self._doubt = trio.Event()
            try:
                await self.probe()
            except NotCounted as trouble:
                self.failing = True
                if not told:
                    logger.error("Redis does not count requests, each process does it alone: %s", trouble)
                told = True
                await trio.sleep(self._pause)
                continue
            if told:
                logger.warning("Redis counts requests again")
            self.failing = told = False
            await self._doubt.wait()

    async def probe(self) -> None:
        """Whether it is there, and then whether it is fast enough. Raises NotCounted."""
        for deadline in (PATIENCE, self._deadline):
            await self._hit("probe", 1, deadline)

    async def _hit(self, key: str, window: int, deadline: float) -> tuple[int, float]:
        """In a thread that is left behind when it takes longer; once it has connected the next is faster."""

        def count() -> Sequence[int]:
            return cast(Sequence[int], self._count([f"{KEYS}:{key}"], [window]))

        try:
            with trio.fail_after(deadline):
                found, left = await trio.to_thread.run_sync(
                    count, limiter=self._threads, abandon_on_cancel=True
                )
        except trio.TooSlowError:
            raise NotCounted(f"no answer within {deadline:g} s") from None
        except (RedisError, OSError) as trouble:
            raise NotCounted(str(trouble)) from trouble
        return found, left / 1000


class SharedRateLimit:
    def __init__(self, name: str, spec: str, counters: RedisCounters) -> None:
        """`name` keeps it apart from others in the same Redis."""
        self._name = name
        self._limit = limit_of(spec)
        self._counters = counters
        self._alone = MemoryRateLimit(spec)

    async def hit(self, subject: str) -> Decision:
        if self._limit is None:
            return UNLIMITED
        counted = await self._counters.hit(self._limit.key_for(self._name, subject), self._limit.get_expiry())
        return await self._alone.hit(subject) if counted is None else decided(self._limit, *counted)


def _client(url: str) -> Redis:
    """A connection that was closed meanwhile is made anew once. Raises SettingsError."""
    retry = Retry(NoBackoff(), 1, (Disconnected,))
    try:
        client = Redis.from_url(url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=retry)
        client.connection_pool.make_connection()  # which connects nowhere, but knows every option
    except (TypeError, ValueError) as wrong:
        raise SettingsError(f"{PREFIX}RATE_LIMIT_URL cannot be used: {wrong}.") from wrong
    return client
