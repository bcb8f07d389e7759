"""What is asked of the log by a url's query is understood, or refused with what to write instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import urlencode

from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from application.audit import ALL, TYPES, Reader, View
from application.people import Person
from tests.fuzz.amount import odd_text, thorough
from web.asked import MOST, Place, filters, place
from web.errors import BadRequest

EVERYTHING = View(Reader(Person("u", "Ada", "auditor"), "127.0.0.1"), ALL, frank=True)

names = st.sampled_from(["user", "type", "from", "to", "file", "key", "before", "after", "limit", "as"])
moments = st.one_of(
    st.datetimes(timezones=st.timezones() | st.none()).map(lambda at: at.isoformat()),
    st.dates().map(str),
    st.sampled_from(["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-W01", "٢٠٢٦-٠١-٠١"]),
)
numbers = st.integers().map(str) | st.sampled_from(["٣", "1_0", "+1", " 1", "1e3", "0" * 30, "²"])
values = odd_text | moments | numbers | st.sampled_from(sorted(TYPES)) | st.just(",")


class NobodyKnown:
    async def known_as(self, user: str) -> Sequence[str]:
        return [user]


@thorough(500)
@given(st.lists(st.tuples(names | odd_text, values), max_size=6))
async def test_any_query_is_understood_or_refused(pairs: list[tuple[str, str]]) -> None:
    query = QueryParams(urlencode(pairs, errors="replace"))
    try:
        where = place(query, Place(after=0))
        asked = await filters(query, EVERYTHING, cast(Any, NobodyKnown()))
    except BadRequest:
        return
    assert 1 <= where.limit <= MOST
    assert all(kind in TYPES for kind in asked.types)
    assert all(at is None or at.utcoffset() is not None for at in (asked.since, asked.until))
