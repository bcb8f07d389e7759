"""The rate limit, as the web speaks of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

NAME = "requests"  # of the policy, to those who read it


@dataclass(frozen=True, slots=True)
class Decision:
    allowed: bool
    limit: int | None  # requests per window; None when nothing is limited
    remaining: int
    reset_seconds: int
    window_seconds: int = 0

    def headers(self) -> dict[str, str]:
        """As the IETF's draft has them, and the older names that express-rate-limit made usual; Retry-After
        for the refused.
        """
        if self.limit is None:
            return {}
        headers = {
            "RateLimit-Policy": f'"{NAME}";q={self.limit};w={self.window_seconds}',
            "RateLimit": f'"{NAME}";r={self.remaining};t={self.reset_seconds}',
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_seconds),
        }
        return headers if self.allowed else {**headers, "Retry-After": str(self.reset_seconds)}


UNLIMITED = Decision(allowed=True, limit=None, remaining=0, reset_seconds=0)


class NotCounted(Exception):
    """What counts for several processes does not answer; the text says why."""


class RateLimit(Protocol):
    async def hit(self, subject: str) -> Decision: ...


class OwnRateLimit(RateLimit, Protocol):
    """Of what this process has counted."""

    def spent(self, subject: str) -> bool:
        """Whether the next hit would be refused; counts nothing."""
        ...


class Counters(Protocol):
    """Where it is counted."""

    @property
    def failing(self) -> bool:
        """Whether each process counts for itself, because what they share does not answer."""
        ...

    async def run(self) -> None:
        """For as long as there is something to look after."""
        ...

    async def probe(self) -> None:
        """Raises NotCounted."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    requests: RateLimit  # of the API and the pages, per client
    callbacks: RateLimit  # genuine ones, per document: a forger must not be able to use it up
    forgeries: OwnRateLimit  # callbacks that nobody can have signed, per client
    counters: Counters
