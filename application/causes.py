"""What a decision was made on, kept beside its first fact so that it can be made again.

What the facts say themselves is left out; `restored` takes it from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields
from functools import cache
from typing import Any, get_args

from application.plain import parsers, to_plain
from domain import commands, events
from domain.commands import Command
from domain.events import Event

# The fact that says most of what a command of this kind does.
TOLD_BY: Mapping[type, tuple[type, ...]] = {
    commands.Open: (events.Opened,),
    commands.Admit: (events.Admitted,),
    commands.TakeOffer: (events.SaveOffered,),
    commands.CommitOffer: (events.Forcesaved, events.Saved),
    commands.NoteFailure: (events.Errored,),
    commands.NoteReplied: (events.Replied,),
}
KINDS: Mapping[str, type] = {kind.__name__: kind for kind in get_args(Command)}


def abridged(command: Command, facts: Sequence[Event]) -> Mapping[str, Any]:
    """As JSON can hold it."""
    return {"type": type(command).__name__, **_abridged(command, facts)}


def restored(cause: Mapping[str, Any], facts: Sequence[Event]) -> Command:
    """The command that these facts followed from, and perhaps more of them.

    Raises KeyError, TypeError, ValueError.
    """
    command: Command = _restored(KINDS[cause["type"]], cause, facts)
    return command


def _abridged(command: Any, facts: Sequence[Event]) -> dict[str, Any]:
    kind: Any = type(command)
    told = _told(kind, facts)
    plain = {}
    for field in _fields(kind):
        value = getattr(command, field.name)
        if (kind, field.name) in NESTED:
            plain[field.name] = _abridged(value, facts)
        elif value != _otherwise(field, told):
            plain[field.name] = to_plain(value)
    return plain


def _restored(kind: Any, plain: Mapping[str, Any], facts: Sequence[Event]) -> Any:
    told, parse = _told(kind, facts), parsers(kind)
    values = {}
    for field in _fields(kind):
        if isinstance(inner := plain.get(field.name), dict) and (nested := NESTED.get((kind, field.name))):
            values[field.name] = _restored(nested, inner, facts)
        elif field.name in plain:
            values[field.name] = parse[field.name](plain[field.name])
        else:
            values[field.name] = _otherwise(field, told)
        if values[field.name] is MISSING:
            raise KeyError(field.name)
    return kind(**values)


@cache
def _fields(kind: type) -> tuple[Field[Any], ...]:
    return fields(kind)


def _told(kind: type, facts: Sequence[Event]) -> Event | None:
    return next((fact for fact in facts if isinstance(fact, TOLD_BY.get(kind, ()))), None)


def _otherwise(field: Field[Any], told: Event | None) -> Any:
    """What a field is that nothing was written down for."""
    return getattr(told, field.name, field.default)


NESTED = {(commands.Open, "first"): commands.Admit, (commands.TakeStored, "offer"): commands.TakeOffer}
