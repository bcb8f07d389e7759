"""Of the reading of this log, in one stream per reader."""

from __future__ import annotations

from dataclasses import dataclass

from domain.events.fact import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Consulted(Fact):
    """Somebody looked at what the log says."""

    user: str
    name: str
    address: str
    what: str  # which view of it
    file: str | None = None
    key: str | None = None
    filters: str = ""  # as in a url's query
