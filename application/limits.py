"""The rate limit, as the web speaks of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Decision:
    allowed: bool
    limit: int | None  # requests per window; None when nothing is limited
    remaining: int
    reset_seconds: int

    def headers(self) -> dict[str, str]:
        """The names that express-rate-limit made usual, and Retry-After for the refused."""
        if self.limit is None:
            return {}
        headers = {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_seconds),
        }
        return headers if self.allowed else {**headers, "Retry-After": str(self.reset_seconds)}


class RateLimit(Protocol):
    def hit(self, subject: str) -> Decision: ...
