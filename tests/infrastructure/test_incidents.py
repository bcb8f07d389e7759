"""Exports as they travel: read as they were written, and refused with the line that is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from application.journal import Recorded
from application.repeating import repeat
from infrastructure.incidents import Malformed, header, line, read
from infrastructure.journal.mapper import STEPS
from tests.log import Log
from tests.secrets import Secrets, life
from tests.story import NOON

HEADER = header("document/k", redacted=False, at=NOON, release="0.1.0").encode()


def exported(facts: list[Recorded]) -> list[bytes]:
    return [HEADER, *(line(fact).encode() for fact in facts)]


def small() -> list[Recorded]:
    log = Log()
    log.open()
    log.save(1)
    return log.facts


def test_what_is_exported_is_read_back_with_all_it_was_decided_on() -> None:
    facts = life(Secrets()).facts
    assert list(read(exported(facts))) == [replace(fact, file=None) for fact in facts]


def test_an_incident_is_one_json_object_per_line_in_the_words_of_the_log() -> None:
    lines = [json.loads(text) for text in exported(small())]
    assert lines[0] == {
        "kind": "docledger incident",
        "format": 1,
        "of": "document/k",
        "redacted": False,
        "exported": "2026-11-23T12:00:00+00:00",
        "release": "0.1.0",
    }
    assert set(lines[1]) == {"position", "stream", "number", "type", "at", "data"}
    assert set(lines[3]) == set(lines[1]) | {"cause"}
    assert "at" not in lines[1]["data"]


def test_an_incident_of_an_earlier_shape_is_brought_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = exported(small())
    older = [text.replace(b'"user":', b'"who":') if b'"type":"Joined"' in text else text for text in lines]

    def step(state: Any) -> Any:
        return {"at": state["at"], "user": state["who"]}

    monkeypatch.setitem(STEPS, "Joined", (step,))
    assert repeat(read(older)).difference is None
    (newer,) = [text for text in exported(small()) if b"Joined" in text]
    assert b'"type":"Joined.2"' in newer


Change = Callable[[dict[str, Any]], Any]


def put(name: str, value: Any) -> Change:
    return lambda told: {**told, name: value}


def data(**values: Any) -> Change:
    return lambda told: {**told, "data": {**told["data"], **values}}


@pytest.mark.parametrize(
    ("number", "change", "said"),
    [
        (1, put("kind", "something"), "line 1: an export of `docledger export` begins with"),
        (1, put("format", 2), "line 1: it was made by 0.1.0 in format 2; this release reads format 1"),
        (2, put("position", "1"), "line 2: position is missing, or is no int"),
        (
            3,
            lambda told: {name: value for name, value in told.items() if name != "data"},
            "line 3: data is missing",
        ),
        (3, put("number", 3), "line 3: event 3 of file/f comes where 2 is due"),
        (4, put("position", 2), "line 4: position 2 comes after 2"),
        (4, put("type", "Invented"), "line 4: no Invented can be made of this .*newer one"),
        (4, put("type", "Added"), "line 4: no Added can be made of this"),
        (4, put("stream", "file/f"), "line 4: there is no Opened in a stream like file/f"),
        (4, put("stream", "nonsense"), "line 4: there is no Opened in a stream like nonsense"),
        (4, put("cause", "Open"), "line 4: cause is no object"),
        (4, put("at", "noon"), "line 4: no Opened can be made of this"),
        (4, put("at", "2026-11-23T12:00:00"), "line 4: .*at cannot be"),
        (4, data(base="1"), "line 4: .*base cannot be '1'"),
        (4, data(base=True), "line 4: .*base cannot be True"),
        (5, data(mode="admire"), "line 5: no Admitted can be made of this"),
        (7, data(users=[1]), "line 7: .*users cannot be"),
        (7, data(changes_url=1), "line 7: .*changes_url cannot be 1"),
    ],
)
def test_what_was_changed_by_hand_is_refused_with_its_line(number: int, change: Change, said: str) -> None:
    lines = exported(small())
    lines[number - 1] = json.dumps(change(json.loads(lines[number - 1]))).encode()
    with pytest.raises(Malformed, match=said):
        list(read(lines))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "line 1: the file is empty"),
        ([HEADER], "line 1: nothing follows"),
        ([HEADER, b"\n"], "line 2: this is no JSON"),
        ([HEADER, b"[]\n"], "line 2: this is no JSON object"),
        ([HEADER, b'{"position": 1, "str'], "line 2: this is no JSON"),
        ([HEADER, b"\xff\xfe{}"], "line 2: this is no JSON"),
        ([HEADER, b"[" * 100_000], "line 2: this is no JSON"),
        ([b"PK\x03\x04 a zip"], "line 1: this is no JSON"),
    ],
)
def test_what_is_no_incident_is_refused(lines: list[bytes], said: str) -> None:
    with pytest.raises(Malformed, match=said):
        list(read(lines))


def test_a_log_that_was_cut_is_read_as_far_as_it_goes() -> None:
    lines = exported(small())
    assert len(list(read(lines[:-1]))) == len(lines) - 2
