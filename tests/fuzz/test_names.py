"""Names, ids and keys: what is accepted comes back as it went in, and fits where it goes."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

from hypothesis import assume, example, given
from hypothesis import strategies as st

from application.names import LONGEST_NAME, BadName, checked_name
from domain.formats import format_of
from domain.keys import KEY, document_key, user_id
from infrastructure.ids import new_id
from tests.fuzz.amount import odd_text, thorough
from web.downloads import attachment

OURS = re.compile(r"[0-9a-v]{26}")
times = st.datetimes(datetime(1971, 1, 1), datetime(2500, 1, 1), timezones=st.just(UTC))
subjects = st.text(st.characters(codec="utf-8"), min_size=1)


@thorough(500)
@given(odd_text)
@example("half a surrogate pair \ud83d.docx")
def test_a_name_is_refused_or_comes_back_from_its_download(name: str) -> None:
    try:
        accepted = checked_name(name)
    except BadName:
        return
    assert checked_name(accepted) == accepted
    assert 0 < len(accepted.encode()) <= LONGEST_NAME
    format_of(accepted)
    header = attachment(accepted)["Content-Disposition"]
    assert re.fullmatch(r"attachment; filename\*=UTF-8''[A-Za-z0-9%_.~-]+", header)
    assert unquote(header.partition("''")[2], errors="strict") == accepted


@thorough(300)
@given(subjects, subjects, times)
def test_every_key_is_one_that_the_server_takes(subject: str, other: str, at: datetime) -> None:
    file = new_id(at)
    assert OURS.fullmatch(file)
    key = document_key(user_id(subject), file, at)
    assert KEY.fullmatch(key)
    assert KEY.fullmatch(f"{key}-v999999999"), "a version's in the history panel"
    assert document_key(user_id(subject), file, at) == key
    assert document_key(user_id(subject), file, at + timedelta(milliseconds=1)) != key
    assert document_key(user_id(subject), new_id(at), at) != key
    if subject != other:
        assert document_key(user_id(other), file, at) != key


@thorough(300)
@given(times, times)
def test_ids_sort_by_time_and_none_is_made_twice(one: datetime, other: datetime) -> None:
    assume(int(one.timestamp() * 1000) < int(other.timestamp() * 1000))
    ids = [new_id(one), new_id(one), new_id(other), new_id(other)]
    assert len(set(ids)) == 4
    assert max(ids[:2]) < min(ids[2:])
