"""What is a person's own in a fact, or in the command behind it, and the same text without that.

Facts are taken as they are stored, as JSON, so that fields which only a newer release knows survive. An
id stays: it is a hash of the outside `sub`, keys are made of it by contract, and a file needs an owner.
Names of files are the team's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from domain.file import EVERYBODY

# Beside the id of a person, the fields that are this person's own. `id` stands in the server's `history`.
OWN = (("user", ("name", "address")), ("owner", ("owner_name",)), ("id", ("name",)))
WHERE = "address"
TEXTS = frozenset({"detail", "filters"})  # what others wrote, about anybody
OURS = "server"  # the source of errors that are told in our own words
SOMEBODY = "somebody"


def without_person(plain: Any, user: str) -> Any:
    """Without the names and addresses of this person, wherever they stand; EVERYBODY has no name."""
    match plain:
        case list():
            return [without_person(item, user) for item in plain]
        case Mapping():
            gone = {own for id_, owned in OWN if plain.get(id_) == user != EVERYBODY for own in owned}
            return {
                name: "" if name in gone and value else without_person(value, user)
                for name, value in plain.items()
            }
    return plain


def without_names(plain: Mapping[str, Any], names: Iterable[str]) -> Mapping[str, Any]:
    """With nobody of these names in its free text; urls have names in their own spelling."""
    spelled = {spelling for name in names for spelling in (name, quote(name), quote_plus(name))}
    words = "|".join(re.escape(word) for word in sorted(spelled, key=len, reverse=True) if word.strip())
    if not words or plain.get("source") == OURS:
        return plain
    named = re.compile(rf"(?<!\w)(?:{words})(?!\w)")
    return {
        name: named.sub(SOMEBODY, value) if name in TEXTS and isinstance(value, str) else value
        for name, value in plain.items()
    }


def without_addresses(plain: Any) -> Any:
    """Of anybody."""
    match plain:
        case list():
            return [without_addresses(item) for item in plain]
        case Mapping():
            return {
                name: "" if name == WHERE and value else without_addresses(value)
                for name, value in plain.items()
            }
    return plain
