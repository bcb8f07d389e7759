"""JSON of others: what is nested deeper than anybody needs is refused before it costs a stack."""

from __future__ import annotations

import gc
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.outside_json import MOST_LEVELS, is_deep, value_of

texts = st.text(alphabet='[]{}"\\ \x00aé\ud800', max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=40) | st.dictionaries(texts, inner, max_size=40),
    max_leaves=120,
)


def nested(value: Any, levels: int) -> Any:
    for level in range(levels):
        value = {"[": value} if level % 2 else [value]
    return value


def depth(value: Any) -> int:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inside is None else 1 + max(map(depth, inside), default=0)


@given(values, st.integers(0, MOST_LEVELS + 3))
def test_it_is_refused_by_its_levels_and_by_nothing_else(value: Any, levels: int) -> None:
    value = [nested(value, levels), *[[]] * MOST_LEVELS]
    text = json.dumps(value).encode()
    assert is_deep(text) == (depth(value) > MOST_LEVELS)
    if not is_deep(text):
        read = value_of(text)
        assert read == value
        assert repr(read) == repr(json.loads(text))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32-be"])
def test_it_is_read_in_every_encoding_that_json_has(encoding: str) -> None:
    assert value_of('{"name": "é"}'.encode(encoding)) == {"name": "é"}


@pytest.mark.parametrize("number", [2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**18, 10**19, 2**127 - 1])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_number_of_any_length_is_that_number(number: int, sign: int) -> None:
    assert repr(value_of(b"[%d]" % (sign * number))) == f"[{sign * number}]"


@given(st.binary(max_size=300))
def test_what_is_no_json_is_a_value_error(text: bytes) -> None:
    try:
        value_of(b"[" * 50 + text)
    except ValueError:
        return
    json.loads(b"[" * 50 + text)


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 20_000,
        b'{"a":' * 20_000,
        b'["\\"' + b"[" * 20_000 + b'",' + b"[" * 20_000,
        ("[" * 20_000).encode("utf-16"),
        ('["\u2222",' * 20_000).encode("utf-16-le"),
    ],
    ids=["lists", "objects", "after a text", "UTF-16", "UTF-16 with odd quotes"],
)
def test_deep_json_leaves_the_finalizers_alone(text: bytes, collecting: None) -> None:
    done = []

    class Loop:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            done.append(False)
            random.Random(0).sample(range(9), 2)
            done[-1] = True

    for level in range(0, 1000, 5):
        gc.disable()
        Loop()
        gc.set_threshold(level + 1)
        gc.enable()
        with pytest.raises(ValueError, match="nested deeper"):
            value_of(text)
    assert done
    assert all(done)


@pytest.fixture
def collecting() -> Iterator[None]:
    """Let the garbage collector be told when to come."""
    thresholds = gc.get_threshold()
    gc.collect()
    yield
    gc.set_threshold(*thresholds)
    gc.enable()
