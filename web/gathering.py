"""Several workers' answers to one question, as one answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.responses import JSONResponse, Response

from application.readiness import FINE

READINESS = "/readyz"
SILENT = "no answer"
NAME = re.compile(r"[a-zA-Z_:][\w:]*")
UP = "docledger_worker_up"
UP_HEAD = [f"# HELP {UP} 1 when the worker answers", f"# TYPE {UP} gauge"]

Answers = Mapping[int, httpx.Response | None]  # None: that worker did not answer


def metrics(answers: Answers) -> Response:
    """Each worker's own, told apart by a label: what only grows must not seem to shrink."""
    up = (f'{UP}{{worker="{number}"}} {int(bool(answer))}' for number, answer in answers.items())
    families = {UP: [*UP_HEAD, *up]}
    for number, answer in answers.items():
        for head, samples in _families(answer.text if answer else ""):
            family = families.setdefault(head[0].split()[2], [*head])
            family += [_labelled(sample, number) for sample in samples]
    lines = (line for family in families.values() for line in family)
    return Response("".join(f"{line}\n" for line in lines), media_type=CONTENT_TYPE_PLAIN_0_0_4)


def readiness(answers: Answers) -> Response:
    """As good as the worst: nobody can choose to whom a connection goes."""
    checks: dict[str, str] = {}
    for number, said in answers.items():
        told: Mapping[str, str] = said.json()["checks"] if said else {"workers": SILENT}
        for name, word in told.items():
            if checks.get(name, FINE) == FINE:
                checks[name] = word if word == FINE else f"worker {number}: {word}"
    ready = all(word == FINE for word in checks.values())
    answer = {"status": "ready" if ready else "not ready", "checks": checks}
    return JSONResponse(answer, 200 if ready else 503, headers={"Cache-Control": "no-store"})


def status(answers: Answers) -> Response:
    told = [answer.json() for answer in answers.values() if answer]
    return JSONResponse({name: STATUS[name]([each[name] for each in told]) for name in told[0]})


def _total(values: list[Any]) -> Any:
    return None if None in values else sum(values)


def _one(values: list[Any]) -> Any:
    """What each sees alike, if it can."""
    return next((value for value in values if value is not None), None)


def _worst(values: list[Any]) -> Any:
    return max((value for value in values if value is not None), key=abs, default=None)


STATUS: Mapping[str, Callable[[list[Any]], Any]] = {
    "open_documents": _one,
    "unsaved": _one,
    "kept_at_server": _total,
    "waiting_saves": _one,
    "clock_skew": _worst,
    "secret_refused": any,
    "forged_callbacks": _total,
    "shut": any,
    "shards": _total,
    "nodes": _worst,
    "nodes_silence": _worst,
}

GATHERED: Mapping[str, Callable[[Answers], Response]] = {
    "/metrics": metrics,
    READINESS: readiness,
    "/api/status": status,
}


def _families(text: str) -> Iterator[tuple[list[str], list[str]]]:
    """Each with its two lines of a head."""
    head: list[str] = []
    samples: list[str] = []
    for line in text.splitlines():
        if line.startswith("# HELP"):
            if head:
                yield head, samples
            head, samples = [line], []
        elif line.startswith("#"):
            head.append(line)
        else:
            samples.append(line)
    if head:
        yield head, samples


def _labelled(sample: str, number: int) -> str:
    name = NAME.match(sample)
    assert name, sample
    rest = sample[name.end() :]
    return f'{name[0]}{{worker="{number}"{"," + rest[1:] if rest.startswith("{") else "}" + rest}'
