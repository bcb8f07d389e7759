"""What is asked of the log: the filters and the place in it, read off a url's query."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from starlette.datastructures import QueryParams

from application.audit import TYPES, Audit, View
from application.journal import Query
from application.replaying import time_of
from web.errors import BadRequest

LEAST, USUAL, MOST = 1, 100, 500  # events on a page
NUMBER = re.compile(r"[0-9]{1,18}")
EXAMPLE = "2026-11-23T09:30:00Z, or 2026-11-23 for midnight UTC"
PLACES = frozenset({"before", "after", "limit"})
FILTERS = frozenset({"user", "type", "from", "to"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: beyond `after`, the oldest first, or below `before`, the newest first."""

    before: int | None = None
    after: int | None = None
    limit: int = USUAL


def place(params: QueryParams, usual: Place = Place()) -> Place:
    """Raises BadRequest."""
    limit = _number(params, "limit", LEAST, MOST)
    before, after = _number(params, "before"), _number(params, "after")
    if before is None and after is None:
        before, after = usual.before, usual.after
    return replace(usual, before=before, after=after, limit=limit or usual.limit)


async def filters(params: QueryParams, view: View, audit: Audit, also: frozenset[str] = PLACES) -> Query:
    """Raises BadRequest, and for what it does not know too: who mistypes a filter must not read on as if
    it had been heeded.
    """
    narrowing = {"file", "key"} if not view.file else set() if view.key else {"key"}
    known = sorted(narrowing | FILTERS | also)
    for name in params:
        if name not in {*known, "as"}:
            raise BadRequest(f"There is no filter {name!r} here. The filters are {', '.join(known)}.")
    user = _one(params, "user")
    return Query(
        file=_one(params, "file"),
        key=_one(params, "key"),
        users=await audit.known_as(user) if user else (),
        types=_types(params),
        since=_moment(params, "from"),
        until=_moment(params, "to"),
    )


def _types(params: QueryParams) -> Sequence[str]:
    types = [kind.strip() for value in params.getlist("type") for kind in value.split(",") if kind.strip()]
    for kind in types:
        if kind not in TYPES:
            raise BadRequest(f"There is no event {kind!r}. The events are {', '.join(sorted(TYPES))}.")
    return sorted({*types})


def _moment(params: QueryParams, name: str) -> datetime | None:
    text = _one(params, name)
    if text is None:
        return None
    try:  # an unescaped + has become a space
        return time_of(text.replace(" ", "+") if "T" in text else text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRequest(f"{name} is a time, such as {EXAMPLE}.") from None


def _number(params: QueryParams, name: str, least: int = 0, most: int = 10**18) -> int | None:
    text = _one(params, name)
    if text is None:
        return None
    if not NUMBER.fullmatch(text) or not least <= int(text) <= most:
        bounds = f"from {least} to {most}" if most < 10**18 else "a position in the log"
        raise BadRequest(f"{name} is a number {bounds}.")
    return int(text)


def _one(params: QueryParams, name: str) -> str | None:
    """What is left empty, as forms do, is not given."""
    values = params.getlist(name)
    if len(values) > 1:
        raise BadRequest(f"{name} can be given only once.")
    return values[0] or None if values else None
