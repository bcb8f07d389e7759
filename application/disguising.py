"""An incident without its people and places: every name, id, address and url is replaced, by the same always.

Nothing that decisions look at is changed by that: what was equal stays equal, user ids keep their order,
and an offer's id is made anew from its new url, as the domain makes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from application.causes import KINDS as COMMANDS
from application.causes import NESTED
from application.identities import KEPT, REPLACED, Identities, Plain, of_everybody, rule_for
from application.journal import Recorded
from application.plain import from_plain, to_plain
from application.scrubbing import Scrubber
from domain.words import Source


class Disguise:
    """Made from all facts of an incident at once; then each is put into it, in the order of the log."""

    def __init__(self, facts: Iterable[Recorded]) -> None:
        found = Identities()
        for fact in facts:
            found.note(fact)
        self._tables = found.tables()
        self._offers = found.offers(self._tables["url"])
        self._scrubber = Scrubber(found.known())
        self._commands: dict[str, str] = {}  # stream -> what its last decision was made on

    def put_on(self, fact: Recorded) -> Recorded:
        if fact.cause is not None:
            self._commands[fact.stream] = fact.cause["type"]
        kind = type(fact.event)
        data = self._replaced(kind, to_plain(fact.event), fact.stream)
        cause = fact.cause
        if cause is not None:
            cause = self._replaced(COMMANDS[cause["type"]], cause, fact.stream)
        file = None if fact.file is None else self._tables["file"][fact.file]
        stream = self.stream(fact.stream)
        return replace(fact, stream=stream, event=from_plain(kind, data), file=file, cause=cause)

    def stream(self, name: str) -> str:
        kind, _, id_ = name.partition("/")
        return f"{kind}/{self._tables['key' if kind == 'document' else 'file'][id_]}"

    def _replaced(self, kind: type, plain: Plain, stream: str) -> dict[str, Any]:
        """What no rule knows is left out."""
        return {
            name: value if value is None or name in KEPT else self._value(kind, name, plain, stream)
            for name, value in plain.items()
            if name in KEPT or name in REPLACED
        }

    def _value(self, kind: type, name: str, plain: Plain, stream: str) -> Any:
        value = plain[name]
        if of_everybody(kind, name, plain):
            return value
        match rule_for(kind, name, value):
            case "nested":
                return self._replaced(NESTED[kind, name], value, stream)
            case "dropped":
                return None
            case "seals":
                return dict.fromkeys(value, "")
            case "text":
                return value if self._says_the_domain(plain, stream) else self._scrubber.scrub(value)
            case "offer":
                if plain.get("source") == Source.SERVER:  # of a failure, and made of nothing secret
                    return value
                return self._offers.setdefault(value, f"offer-{len(self._offers) + 1}")
            case rule if isinstance(value, str):
                return self._tables[rule][value]
            case rule:
                return [self._tables[rule][each] for each in value]

    def _says_the_domain(self, errored: Plain, stream: str) -> bool:
        """Its own words name nobody, and must be what it would say again."""
        told_it = self._commands.get(stream) in {None, "NoteFailure"}
        return errored.get("source") == Source.SERVER and not told_it
