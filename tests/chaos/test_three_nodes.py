"""A short storm over three nodes and all they stand on; `make chaos NODES=3` makes longer ones."""

from __future__ import annotations

from typing import Any

import pytest

from tests.balancer import haproxy
from tests.chaos.storm import storm
from tests.engines.fixtures import missing
from tests.engines.namespaces import can_isolate
from tests.engines.objects import weed
from tests.engines.postgres import postgres_folder
from tests.engines.redis import redis_program

PATIENCE = 600  # seconds
SHORT = ("--kills", "6", "--documents", "16", "--seed", "2")

pytestmark = pytest.mark.scale


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    _ = haproxy() or missing("HAProxy", "apt install haproxy")
    _ = postgres_folder() or missing("PostgreSQL", "apt install postgresql")
    _ = redis_program() or missing("Redis", "apt install redis-server")
    _ = weed() or missing("SeaweedFS", "make .venv/.ready-scale")
    _ = can_isolate() or missing("network namespaces", "apt install iproute2, and be root")
    return storm(PATIENCE, "--nodes", "3", *SHORT)


def test_no_save_is_lost_whatever_dies_or_is_cut_off(told: dict[str, Any]) -> None:
    assert (told["lost"], told["duplicated"], told["out_of_order"]) == (0, 0, 0)
    assert told["stored"] == told["acknowledged"] > 20, "too little was saved to prove anything"


def test_two_nodes_never_auto_save_one_document(told: dict[str, Any]) -> None:
    assert told["double_autosaves"] == 0
    assert len(told["forcesaves_by_node"]) == 3, "each has auto-saved something"
    assert sum(told["forcesaves_by_node"]) > 50, "too little was auto-saved to prove anything"


def test_everything_that_was_to_fail_did(told: dict[str, Any]) -> None:
    assert told["kills"] >= 6
    assert min(told["node_pauses"], told["node_cuts"]) >= 2
    assert (told["database_deaths"], told["objects_deaths"], told["counters_deaths"]) == (3, 1, 1)
    assert told["crashes"] == 0, "no node has ended by itself"


def test_others_took_over_what_a_dead_nodes_documents_were(told: dict[str, Any]) -> None:
    assert told["moved_times"] >= 2
    assert told["moved_p99"] < 30
