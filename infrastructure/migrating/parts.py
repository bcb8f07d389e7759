"""What of a log may have changed since two of them were found to be the same up to a position. Blocking.

A row that is made of facts changes only in their transactions, and a fact only in that of a Redacted fact
in its stream; so the facts beyond that position name all of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from infrastructure.journal.mapper import topics_of
from infrastructure.journal.queries import marks
from infrastructure.migrating.logs import Log
from infrastructure.migrating.tables import (
    BESIDE,
    CHECKPOINTS,
    DOCUMENTS,
    EVENTS,
    NAMED,
    OF_FILES,
    Part,
    Table,
)

MANY = 5000  # files or documents: beyond that a whole table is quicker
FEW = 500  # looked up at once
REDACTED = topics_of("Redacted")
TOUCHED = "SELECT DISTINCT originator_id, file_id FROM stored_events WHERE position > ?"
IN_STREAMS = f"""SELECT DISTINCT originator_id FROM stored_events WHERE position > ?
    AND topic IN ({marks(REDACTED)})"""  # noqa: S608


def facts(source: Log, beyond: int) -> Iterator[Part]:
    for table in (EVENTS, NAMED):
        yield Part(table, "position > ?", (beyond,))
    if beyond:
        for (stream,) in source.rows(IN_STREAMS, (beyond, *REDACTED)):
            yield Part(EVENTS, "position <= ? AND originator_id = ? AND salt IS NULL", (beyond, stream))


def others(source: Log, beyond: int) -> Iterator[Part]:
    yield Part(CHECKPOINTS, "position > ?", (beyond,))
    yield from map(Part, BESIDE)
    touched = [*source.rows(TOUCHED, (beyond,))] if beyond else []
    keys = {stream.partition("/")[2] for stream, _ in touched if stream.startswith("document/")}
    files = {file for _, file in touched if file}
    everything = not beyond or max(len(keys), len(files)) > MANY
    for table, column in {**OF_FILES, DOCUMENTS: "key"}.items():
        wanted = keys if table is DOCUMENTS else files
        yield from [Part(table)] if everything else _with(table, column, wanted)


def _with(table: Table, column: str, values: Collection[str]) -> Iterator[Part]:
    every = sorted(values)
    for start in range(0, len(every), FEW):
        some = every[start : start + FEW]
        yield Part(table, f'"{column}" IN ({marks(some)})', some)
