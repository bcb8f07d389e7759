"""Several workers' answers as one."""

from __future__ import annotations

import json
from typing import Any

import httpx
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from starlette.responses import Response

from application.operating import Status
from web.gathering import GATHERED, STATUS, metrics, readiness, status


def of(**answers: Any) -> dict[int, httpx.Response | None]:
    """By workers called _1, _2 and so on."""
    return {
        int(name.strip("_")): None if answer is None else httpx.Response(200, json=answer)
        for name, answer in answers.items()
    }


def said(response: Response) -> Any:
    return json.loads(bytes(response.body))


def counted(times: float) -> httpx.Response:
    registry = CollectorRegistry()
    Counter("asked", "Questions", ["route"], registry=registry).labels('/a "{b}" \\ c').inc(times)
    Histogram("took_seconds", "Time", registry=registry).observe(times)
    Gauge("lag", "Lag", registry=registry).set(times / 3)
    return httpx.Response(200, content=generate_latest(registry))


def test_each_workers_metrics_are_told_apart_and_each_family_is_said_once() -> None:
    text = bytes(metrics({1: counted(3), 2: counted(5), 7: None}).body).decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert len([line for line in text.splitlines() if line.startswith("# TYPE asked_total ")]) == 1
    asked = {s.labels["worker"]: s for s in families["asked"].samples if s.name == "asked_total"}
    assert {worker: sample.value for worker, sample in asked.items()} == {"1": 3, "2": 5}
    assert {sample.labels["route"] for sample in asked.values()} == {'/a "{b}" \\ c'}
    assert len(families["took_seconds"].samples) == 2 * len(
        [
            line
            for line in counted(1).text.splitlines()
            if line.startswith("took_seconds_") and "created" not in line
        ]
    )
    assert {s.labels["worker"]: s.value for s in families["docledger_worker_up"].samples} == {
        "1": 1,
        "2": 1,
        "7": 0,
    }


def test_all_are_ready_or_nobody_is() -> None:
    well, late = (
        {"checks": {"journal": "ok", "loop": "ok"}},
        {"checks": {"journal": "ok", "loop": "it is late"}},
    )
    ready = readiness(of(_1=well, _2=well))
    assert (ready.status_code, said(ready)) == (200, {"status": "ready", **well})
    one_late = readiness(of(_1=well, _2=late))
    assert (one_late.status_code, said(one_late)["checks"]) == (
        503,
        {"journal": "ok", "loop": "worker 2: it is late"},
    )
    silent = readiness(of(_1=well, _2=None))
    assert (silent.status_code, said(silent)["checks"]["workers"]) == (503, "worker 2: no answer")


def test_the_status_of_all() -> None:
    one = {
        "open_documents": 9,
        "unsaved": 2,
        "kept_at_server": 0,
        "waiting_saves": 1,
        "clock_skew": None,
        "secret_refused": False,
        "forged_callbacks": 3,
        "shut": False,
        "shards": 40,
        "nodes": 2,
        "nodes_silence": 0.2,
    }
    other = {**one, "clock_skew": -70.5, "secret_refused": True, "forged_callbacks": 4, "shards": 24}
    assert said(status(of(_1=one, _2=other, _3=None))) == {
        **one,
        "clock_skew": -70.5,
        "secret_refused": True,
        "forged_callbacks": 7,
        "shards": 64,
    }
    unreadable = {**one, "open_documents": None, "waiting_saves": None}
    assert said(status(of(_1=unreadable)))["open_documents"] is None
    assert said(status(of(_1=unreadable, _2=one)))["open_documents"] == 9


def test_every_field_of_the_status_has_a_rule() -> None:
    assert set(STATUS) == set(Status.__dataclass_fields__)


def test_only_what_is_asked_of_all_is() -> None:
    assert set(GATHERED) == {"/metrics", "/readyz", "/api/status"}
