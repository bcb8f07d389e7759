"""Two people typing at once: what the stand-in makes of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.standin.merging import merge, splice

texts = st.text(alphabet="ab\n", max_size=12)


@given(texts, texts)
def test_a_splice_says_what_changed(old: str, new: str) -> None:
    start, stop, insert = splice(old, new)
    assert old[:start] + insert + old[stop:] == new


@given(texts, texts)
def test_alone_everybody_gets_what_they_typed(base: str, mine: str) -> None:
    assert merge(base, mine, base) == mine
    assert merge(base, base, mine) == mine


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "together"),
    [
        ("good night", "good night!", "Oh good night", "Oh good night!"),
        ("good night", "very good night", "good nights", "very good nights"),
        ("one two three", "one 2 three", "one two 3", "one 2 3"),
        ("abc", "aXc", "aYc", "aYXc"),
        ("abcdef", "af", "abXef", "aXf"),
        ("abcdef", "abXef", "af", "aXf"),
    ],
)
def test_two_changes_make_one_text(base: str, mine: str, theirs: str, together: str) -> None:
    assert merge(base, mine, theirs) == together


@given(texts, st.text(alphabet="xy", min_size=1), st.text(alphabet="zw", min_size=1), st.data())
def test_no_insertion_is_ever_lost(base: str, mine: str, theirs: str, data: st.DataObject) -> None:
    here, there = (data.draw(st.integers(0, len(base))) for _ in range(2))
    merged = merge(base, base[:here] + mine + base[here:], base[:there] + theirs + base[there:])
    assert mine in merged
    assert theirs in merged
