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


class RateLimit(Protocol):
    def hit(self, subject: str) -> Decision: ...

    def spent(self, subject: str) -> bool:
        """Whether the next hit would be refused; counts nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    requests: RateLimit  # of the API and the pages, per client
    callbacks: RateLimit  # genuine ones, per document: a forger must not be able to use it up
    forgeries: RateLimit  # callbacks that nobody can have signed, per client
