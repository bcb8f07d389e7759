"""Finding facts: along whichever index is the shortest way, so that no page costs a walk through the log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from application.journal import Query
from infrastructure.journal.events_table import SPAN, stamp
from infrastructure.journal.mapper import topics_of
from infrastructure.journal.queries import EVENTS, marks

LONG = 10_000  # facts: beyond that, one way is as good as another
STREAMS = "sqlite_autoindex_stored_events_1"  # of its UNIQUE
MOST = 50  # values that are each looked up by themselves, since only then they come in order

Part = tuple[str, list[Any]]  # of a statement, with its parameters


@dataclass(frozen=True, slots=True)
class Way:
    """Into the log by an index, which has the facts of each arm in the order of their positions."""

    by: str
    index: str
    arms: Sequence[Part]
    facts: str = ""  # how to get from the index to them
    position: str = "e.position"
    order: str = "e.position {0}"


@dataclass(frozen=True, slots=True)
class Search:
    query: Query
    before: int | None
    after: int | None
    limit: int

    def run(self, cursor: Any) -> list[Any]:
        cursor.execute(*self.statement(self.shortest(cursor)))
        return list(cursor.fetchall())

    def shortest(self, cursor: Any) -> Way:
        ways = list(_ways(self.query))
        return min(ways, key=lambda way: self._length(cursor, way)) if len(ways) > 1 else ways[0]

    def statement(self, way: Way) -> Part:
        """Each arm gives its first facts, and of these the first are taken."""
        direction = "DESC" if self.after is None else "ASC"
        others = list(_others(self.query, way))
        arms, given = [], []
        for arm in way.arms:
            where, values = _all([arm, *self._bounds(way), *others])
            arms.append(
                f"SELECT position FROM (SELECT {way.position} AS position FROM {way.index} {way.facts}"  # noqa: S608
                f" WHERE {where} ORDER BY {way.order.format(direction)} LIMIT ?) AS arm"
            )
            given += [*values, self.limit]
        positions = " UNION ALL ".join(arms)
        sql = f"{EVENTS} WHERE position IN ({positions}) ORDER BY position {direction} LIMIT ?"
        return sql, [*given, self.limit]

    def _length(self, cursor: Any, way: Way) -> int:
        arms = [_all([arm, *self._bounds(way)]) for arm in way.arms]
        several = " UNION ALL ".join(f"SELECT 1 FROM {way.index} WHERE {where}" for where, _ in arms)  # noqa: S608
        values = [value for _, values in arms for value in values]
        cursor.execute(f"SELECT count(*) FROM ({several} LIMIT {LONG}) AS along", values)  # noqa: S608
        length: int = cursor.fetchone()[0]
        return length

    def _bounds(self, way: Way) -> Iterator[Part]:
        if self.after is not None:
            yield f"{way.position} > ?", [self.after]
        if self.before is not None:
            yield f"{way.position} < ?", [self.before]
        when = _when(self.query)
        if way.by == "time":
            if self.after is not None:
                yield f"block >= ? / {SPAN}", [self.after]
            if self.before is not None:
                yield f"block <= ? / {SPAN}", [self.before]
        elif when:
            spans, values = _all(when)
            yield f"{way.position} >= (SELECT min(block) * {SPAN} FROM spans WHERE {spans})", values  # noqa: S608
            yield f"{way.position} < (SELECT (max(block) + 1) * {SPAN} FROM spans WHERE {spans})", values  # noqa: S608


def _ways(query: Query) -> Iterator[Way]:
    if query.key is not None:  # a session is short beside a log
        arm = "e.originator_id = ?", [f"document/{query.key}"]
        yield Way("key", f"stored_events AS e INDEXED BY {STREAMS}", [arm], order="e.originator_version {0}")
        return
    if query.file is not None:
        yield Way("file", "stored_events AS e INDEXED BY events_of_file", _each("e.file_id", [query.file]))
    if query.users:
        arms = _each('n."user"', query.users)
        facts = "CROSS JOIN stored_events AS e ON e.position = n.position"
        yield Way("users", "named AS n", arms, facts, position="n.position", order="n.position {0}")
    if query.types:
        yield Way("types", "stored_events AS e INDEXED BY events_of_type", _each("e.topic", _topics(query)))
    if query.file is None and not query.users and not query.types:
        yield _whole_log(query)


def _whole_log(query: Query) -> Way:
    if not (when := _when(query)):
        return Way("position", "stored_events AS e", [("TRUE", [])])
    within = f"e.position BETWEEN block * {SPAN} AND block * {SPAN} + {SPAN - 1}"
    facts = f"CROSS JOIN stored_events AS e ON {within}"
    return Way("time", "spans", [_all(when)], facts, order="block {0}, e.position {0}")


def _others(query: Query, way: Way) -> Iterator[Part]:
    """What the way itself does not see to."""
    if query.file is not None and way.by != "file":
        yield "e.file_id = ?", [query.file]
    if query.users and way.by != "users":
        named = f'SELECT 1 FROM named WHERE "user" IN ({marks(query.users)}) AND position = e.position'  # noqa: S608
        yield f"EXISTS ({named})", [*query.users]
    if query.types and way.by != "types":
        yield f"e.topic IN ({marks(topics := _topics(query))})", [*topics]
    if query.since is not None:
        yield "e.at >= ?", [stamp(query.since)]
    if query.until is not None:
        yield "e.at < ?", [stamp(query.until)]


def _topics(query: Query) -> list[str]:
    return [topic for name in query.types for topic in topics_of(name)]


def _when(query: Query) -> list[Part]:
    """Which spans of the log that time can be in."""
    since = [("high >= ?", [stamp(query.since)])] if query.since else []
    until = [("low < ?", [stamp(query.until)])] if query.until else []
    return [*since, *until]


def _each(column: str, values: Sequence[str]) -> list[Part]:
    if len(values) > MOST:
        return [(f"{column} IN ({marks(values)})", [*values])]
    return [(f"{column} = ?", [value]) for value in values]


def _all(parts: Sequence[Part]) -> Part:
    return " AND ".join(sql for sql, _ in parts), [value for _, values in parts for value in values]
