"""Facts, states and decisions as blocks of text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from application.describing import described_document
from application.journal import Recorded
from application.plain import to_plain
from application.repeating import Difference, Repetition
from application.telling import told

WIDTH = 20  # of a field's name


def fact_line(fact: Recorded, names: Mapping[str, str]) -> str:
    return f"{fact.number:>5}  {_time(fact.event.at)}  {told(fact.event, names)}"


def state_lines(state: Mapping[str, Any] | None) -> Iterator[str]:
    """One for each thing that is true; a list has one for each of its items."""
    if state is None:
        yield "  nothing yet"
        return
    for name, value in state.items():
        label = name.replace("_", " ")
        for item in (value or [None]) if isinstance(value, list) else [value]:
            yield f"  {label:<{WIDTH}}{_said(item)}"
            label = ""


def repetition_lines(result: Repetition) -> Iterator[str]:
    if result.folded:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(result.folded.items()))
        yield f"{result.folded.total()} events without a recorded command were only followed: {kinds}."
    if result.difference is None:
        yield f"{result.decisions} decisions made again: each comes out as it was recorded."
        return
    yield f"{result.decisions} decisions made again: each came out as it was recorded, and then one does not."
    yield from _difference_lines(result.difference)


def _difference_lines(difference: Difference) -> Iterator[str]:
    fact = difference.fact
    yield ""
    yield f"Event {fact.number} of {fact.stream} (position {fact.position}), {_time(fact.event.at)}:"
    yield f"  asked     {_call(difference.command)}"
    yield from _listed("recorded", difference.recorded)
    yield from _listed("today", difference.decided, difference.crash)
    yield "State before:"
    yield from state_lines(described_document(difference.before) if difference.before else None)


def _listed(label: str, facts: Sequence[Any], crash: str = "") -> Iterator[str]:
    for line in [_call(fact) for fact in facts] or [crash or "nothing"]:
        yield f"  {label:<10}{line}"
        label = ""


def _call(value: Any) -> str:
    told = ", ".join(f"{field.name}={_said(to_plain(getattr(value, field.name)))}" for field in fields(value))
    return f"{type(value).__name__}({told})"


def _said(value: Any) -> str:
    if value is None or value in ("", [], {}, ()):
        return "–"
    match value:
        case bool():
            return "yes" if value else "no"
        case {"id": str(id_), "name": str(name)} if len(value) == 2:
            return f"{name} ({id_})" if name else id_
        case dict():
            return ", ".join(f"{name.replace('_', ' ')} {_said(part)}" for name, part in value.items())
        case list() | tuple():
            return ", ".join(map(_said, value))
    return str(value)


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(" ", "milliseconds").removesuffix("+00:00")
