"""What in an incident tells of people and places, and what each of them is called instead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from application.causes import KINDS as COMMANDS
from application.causes import NESTED
from application.journal import Recorded
from application.plain import to_plain
from domain import commands, events
from domain.file import EVERYBODY
from domain.formats import FORMATS, format_of
from domain.offers import offer_id

Plain = Mapping[str, Any]

TITLED = frozenset({events.Opened, events.Added, events.Renamed, commands.Open})  # `name` is a file's there
FOR_ALL = frozenset({events.Shared, events.Redacted})
REPLACED = {
    "user": "user", "by": "user", "owner": "user", "users": "user", "name": "person", "owner_name": "person",
    "address": "address", "file": "file", "key": "key", "live": "key", "url": "url", "changes_url": "url",
    "forms_data_url": "url", "from_file": "file", "converted_from": "filetype",
    "filetype": "filetype", "offer": "offer", "first": "nested", "history": "dropped", "detail": "text",
    "left": "seals",
}  # fmt: skip
KEPT = frozenset({
    "type", "at", "base", "mode", "status", "trigger", "lastsave", "notmodified", "keep", "version", "sha256",
    "size", "lag", "head", "reason", "standing", "source", "attempt", "next", "http", "error", "seconds",
    "number", "origin", "restored", "changes_sha256", "numbers", "access", "admitted", "confirmed", "since",
    "reuse", "afresh", "forms_sha256", "original", "original_sha256", "original_size", "from_version",
})  # fmt: skip


def rule_for(kind: type, name: str, value: Any) -> str:
    if isinstance(value, dict) and (kind, name) in NESTED:
        return "nested"
    if name == "name" and kind in TITLED:
        return "title"
    return REPLACED[name]


def of_everybody(kind: type, name: str, plain: Plain) -> bool:
    """Where `*` stands for everybody, neither it nor its name tells of anybody."""
    return kind in FOR_ALL and plain["user"] == EVERYBODY and name in {"user", "name"}


class Identities:
    """Everything that is to be replaced."""

    def __init__(self) -> None:
        rules = ("user", "person", "title", "address", "file", "key", "url", "filetype")
        self._values: dict[str, set[str]] = {rule: set() for rule in rules}
        self._offered: set[tuple[int, str]] = set()
        self._told: set[str] = set()  # names and ids in what the server said of its own history

    def note(self, fact: Recorded) -> None:
        kind, _, id_ = fact.stream.partition("/")
        self._values["key" if kind == "document" else "file"].add(id_)
        if fact.file is not None:
            self._values["file"].add(fact.file)
        self._look_at(type(fact.event), to_plain(fact.event))
        if fact.cause is not None:
            self._look_at(COMMANDS[fact.cause["type"]], fact.cause)

    def _look_at(self, kind: type, plain: Plain) -> None:
        if "url" in plain and "status" in plain:
            self._offered.add((plain["status"], plain["url"]))
        for name, value in plain.items():
            if name not in REPLACED or value is None or of_everybody(kind, name, plain):
                continue
            rule = rule_for(kind, name, value)
            if rule == "nested":
                self._look_at(NESTED[kind, name], value)
            elif rule == "dropped":
                self._told.update(_people_in(value))
            elif rule in self._values:
                self._values[rule].update([value] if isinstance(value, str) else value)

    def tables(self) -> dict[str, dict[str, str]]:
        tables = {rule: _numbered(rule, values) for rule, values in self._values.items()}
        tables["title"] = {title: _title(new, title) for title, new in tables["title"].items()}
        paths = _numbered("result", {_path(url) for url in self._values["url"]})
        tables["url"] = {url: f"http://server/{paths[_path(url)]}" for url in self._values["url"]}
        unknown = self._values["filetype"] - FORMATS.keys()
        tables["filetype"] = _numbered("filetype", unknown) | {known: known for known in FORMATS}
        return tables

    def offers(self, urls: Mapping[str, str]) -> dict[str, str]:
        return {offer_id(status, url): offer_id(status, urls[url]) for status, url in self._offered}

    def known(self) -> Iterator[str]:
        for rule, values in self._values.items():
            yield from values if rule != "filetype" else values - FORMATS.keys()
        for text in (*self._values["person"], *self._told):
            yield from (word for word in text.split() if len(word) > 2)
        yield from (title.rpartition(".")[0] for title in self._values["title"])
        for url in self._values["url"]:
            yield from _pieces(url)


def _numbered(what: str, values: Iterable[str]) -> dict[str, str]:
    """In the same order as the values; nothing stays nothing."""
    ordered = sorted(set(values) - {""})
    width = len(str(len(ordered)))
    return {"": "", **{value: f"{what}-{n:0{width}}" for n, value in enumerate(ordered, start=1)}}


def _title(new: str, title: str) -> str:
    format_ = format_of(title)
    return f"{new}.{format_.extension}" if new and format_ else new


def _path(url: str) -> str:
    """What an offer's identity is made of."""
    try:
        return urlsplit(url).path
    except ValueError:
        return url


def _pieces(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return
    yield from (piece for piece in (parts.netloc, host, parts.path, parts.query) if piece)
    yield from (value for _, value in parse_qsl(parts.query) if len(value) > 5)
    yield from (step for step in parts.path.split("/") if len(step) > 5)


def _people_in(told: Any) -> Iterator[str]:
    match told:
        case {"id": id_, "name": name}:
            yield from (text for text in (id_, name) if isinstance(text, str))
        case dict():
            for value in told.values():
                yield from _people_in(value)
        case list():
            for value in told:
                yield from _people_in(value)
