"""What the task at hand is about, for the lines that it logs: `request`, `key`, `file`, `user`.

Trio's tasks begin with what was known where they were started. One that outlives its starter says anew
what it is about, lest it speaks for ever in the name of the request that happened to start it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar

_NOTHING: Mapping[str, str] = {}
_about: ContextVar[Mapping[str, str]] = ContextVar("about", default=_NOTHING)


def known() -> Mapping[str, str]:
    return _about.get()


def note(**facts: str) -> None:
    """Known from here on, besides what was known before."""
    _about.set({**_about.get(), **facts})


def only(**facts: str) -> None:
    """Known from here on, and nothing else."""
    _about.set(facts)
