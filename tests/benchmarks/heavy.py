"""Parts of `make bench` that have more to do than send requests: each tells its figures by clear names."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import trio

from tests.benchmarks import live, replay, resting, store
from tests.benchmarks.docledger import NOBODY, docledger
from tests.benchmarks.open import ASKED_FOR, Wishes, run
from tests.benchmarks.stores import POSTGRES, SQLITE
from tests.engines.postgres import postgres_folder

READERS, FACTS, RATE = 100, 150, 15.0  # of the event stream, and a second
REPLAYED = 2000  # facts of one document
WRITERS = (1, 20, 200)
EDITED = 0.1  # of the open documents have somebody in them
UNLOADED, LOADED = 20.0, 30.0  # seconds, for which configurations are asked for
SETTLE = 5.0, 75.0  # seconds at most until all are looked after and auto-saved

Figures = Mapping[str, float]


class Unavailable(Exception):
    """It cannot be measured here; what is missing."""


def sse(folder: Path) -> Figures:
    """From the moment that a fact is decided until it has arrived at every reader, one of them deaf."""
    with docledger(folder, NOBODY) as service:
        trio.run(live.flood, folder / "data" / "docledger.db")
        told = trio.run(partial(live.measure, service, READERS, FACTS, RATE))
    return {f"sse_{name}": value for name, value in told.items()}


def replayed(folder: Path) -> Figures:
    """Facts of one document a second: read and folded, and every decision made again."""
    told = replay.measure(folder, REPLAYED)
    return {
        "replay_facts_per_s": 1000 * told["events"] / told["state"],
        "replay_decided_again_per_s": 1000 * told["events"] / told["check"],
    }


def facts(folder: Path, engine: str) -> Figures:
    """Durable facts a second, by how many write at a time."""
    if engine == POSTGRES and postgres_folder() is None:
        raise Unavailable("PostgreSQL is not installed (Debian: apt install postgresql)")
    cases = store.run(folder, (engine,), [*WRITERS], seconds=2.0, rounds=2)[engine]
    beside = "" if engine == SQLITE else f"_{engine}"
    return {f"facts_by_{number}_per_s{beside}": cases[f"append by {number}"]["per_s"] for number in WRITERS}


def opened(folder: Path, documents: int) -> Figures:
    """A service that is started on so many open documents, beside one with as many as it is asked for."""
    empty, full = (
        run(_made(folder / name), Wishes(SQLITE, number, edited, seconds, settle, None))
        for name, number, edited, seconds, settle in (
            ("empty", ASKED_FOR, 1.0, UNLOADED, SETTLE[0]),
            ("full", documents, EDITED, LOADED, SETTLE[1]),
        )
    )
    unknown = float("nan")  # it has not happened in time
    return {
        "open_documents": documents,
        "open_edited": round(EDITED * documents),
        "open_answers_s": full["answers_s"],
        "open_all_s": full["open_s"] or unknown,
        "open_autosaved_s": full["autosaved_s"] or unknown,
        "open_at_rest_kb_each": resting.kb_each(documents),
        "open_kb_each": (full["memory_kb"] - empty["memory_kb"]) / documents,
        "open_lag_p99_ms": full["lag_ms"]["p99"],
        "open_config_p99_ms": full["config_ms"]["p99"],
        "open_config_p99_unloaded_ms": empty["config_ms"]["p99"],
        "open_config_p99_times_unloaded": full["config_ms"]["p99"] / empty["config_ms"]["p99"],
        "open_pause_p99_s": full["pauses_s"].get("p99", unknown),
        "open_cores": full["cores"]["docledger"],
    }


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
