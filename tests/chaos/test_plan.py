"""The plan of faults: made of its seed, and of nothing that would make a loss nobody's fault."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import pytest

from tests.chaos.plan import EVERYWHERE, OF_ONE_DOCUMENT, OF_ONE_NODE, Fault, Kind, as_json, filetype, plan

URL_LIVES = 900  # seconds


def of(faults: Sequence[Fault], *kinds: Kind) -> list[Fault]:
    return [fault for fault in faults if fault.kind in kinds]


def shapes(faults: Sequence[Fault]) -> set[tuple[str, str]]:
    return {(fault.control["where"], fault.control["kind"]) for fault in of(faults, Kind.CONTROL)}


def test_the_same_seed_makes_the_same_plan_and_another_seed_another() -> None:
    assert plan(7, 20, 50, "durable") == plan(7, 20, 50, "durable")
    assert plan(7, 20, 50, "durable") != plan(8, 20, 50, "durable")


@pytest.mark.parametrize("kills", [1, 4, 50])
def test_it_kills_as_often_as_wished_and_in_order(kills: int) -> None:
    faults = plan(1, kills, 20, "always")
    assert len(of(faults, Kind.KILL)) == kills
    assert [fault.at for fault in faults] == sorted(fault.at for fault in faults)


@pytest.mark.parametrize("policy", ["always", "durable"])
def test_even_a_short_one_has_a_fault_of_every_kind(policy: str) -> None:
    faults = plan(3, 4, 20, policy)
    assert {fault.kind for fault in faults} == set(OF_ONE_NODE)
    wished = {(where, kind) for where, kind, _ in (*EVERYWHERE, *OF_ONE_DOCUMENT)}
    assert wished <= shapes(faults)


def test_a_link_that_is_gone_comes_only_where_the_server_keeps_what_we_cannot_fetch() -> None:
    assert ("download", "gone") in shapes(plan(3, 50, 100, "durable"))
    assert ("download", "gone") not in shapes(plan(3, 50, 100, "always"))


def test_garbage_comes_once_per_document_and_only_where_it_is_known_for_what_it_is() -> None:
    faults = of(plan(3, 50, 100, "durable"), Kind.CONTROL)
    struck = Counter(fault.document for fault in faults if fault.control["kind"] == "garbage")
    assert struck
    assert set(struck.values()) == {1}
    assert all(document is not None and filetype(document) == "docx" for document in struck)


def test_nothing_lasts_as_long_as_a_link_lives() -> None:
    faults = plan(5, 200, 300, "durable")
    assert max(fault.seconds for fault in faults) < URL_LIVES
    assert max(fault.control.get("seconds", 0) for fault in faults) < URL_LIVES


def test_the_blob_store_and_the_journal_fail_once_at_a_time() -> None:
    for kind in (Kind.BLOBS, Kind.JOURNAL):
        faults = of(plan(5, 60, 100, "durable"), kind)
        assert len(faults) > 3
        assert all(earlier.at + earlier.seconds < later.at for earlier, later in pairwise(faults))


def test_some_kills_strike_while_the_journal_has_failed_for_longer_than_a_callback_waits() -> None:
    faults = plan(6, 40, 100, "always")
    kills = of(faults, Kind.KILL)
    for lock in of(faults, Kind.JOURNAL):
        assert any(lock.at + 5 <= kill.at <= lock.at + lock.seconds for kill in kills)


def test_it_can_be_read() -> None:
    faults = plan(2, 4, 10, "always")
    assert len(json.loads(as_json(faults))) == len(faults)
    assert all(str(fault) for fault in faults)
