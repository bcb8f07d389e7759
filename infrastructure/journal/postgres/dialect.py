"""Our SQL as PostgreSQL has it: statements are written once, as SQLite takes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from psycopg import Cursor
from psycopg.types.string import StrDumper

TEXT = 'TEXT COLLATE "C"'
INSTR = re.compile(r"instr\((\w+), ([^()]+)\)")
INDEXED = re.compile(r" INDEXED BY \w+")


@lru_cache(maxsize=1000)
def translated(sql: str) -> str:
    """What SQLite must be told of its plans is left out, and its placeholders are psycopg's."""
    sql = INSTR.sub(r"position(\2 IN \1)", INDEXED.sub("", sql)).replace("CROSS JOIN", "JOIN")
    return sql.replace("%", "%%").replace("?", "%s")


class Text(StrDumper):
    """PostgreSQL keeps no NUL; what is looked for with one is nowhere."""

    def dump(self, obj: str) -> bytes:
        dumped = super().dump(obj.replace("\0", "\ufffd") if "\0" in obj else obj)
        return bytes(dumped) if dumped is not None else b""


class Row(tuple[Any, ...]):
    """Its columns by place and by name, as SQLite's rows have them."""

    __slots__ = ()
    places: Mapping[str, int] = {}

    def __getitem__(self, at: Any) -> Any:
        return tuple.__getitem__(self, self.places[at] if isinstance(at, str) else at)


@lru_cache(maxsize=200)
def _kind(names: tuple[str, ...]) -> type[Row]:
    return type("Row", (Row,), {"__slots__": (), "places": {name: at for at, name in enumerate(names)}})


def rows(cursor: Cursor[Any]) -> Callable[[Sequence[Any]], Row]:
    described = cursor.description or ()
    return _kind(tuple(column.name for column in described))


class OurCursor(Cursor[Any]):
    """Takes statements in our own SQL; those that psycopg composes are taken as they are."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        if isinstance(query, str):
            query, params = translated(query), params or ()
        return super().execute(query, params, **options)

    def executemany(self, query: Any, params_seq: Iterable[Any], **options: Any) -> None:
        given = [*params_seq]
        if given:
            super().executemany(translated(query) if isinstance(query, str) else query, given, **options)
