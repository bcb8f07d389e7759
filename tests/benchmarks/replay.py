"""How long it takes to replay, to decide again and to export one document of many events."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import click
import trio

from application.disguising import Disguise
from application.repeating import repeat
from application.replaying import Moment, document_state, until
from domain import commands
from infrastructure.incidents import header, line, read
from infrastructure.journal import LedgerJournal
from infrastructure.journal.past import Past, Subject
from tests.log import Log
from tests.story import at, present, take

TIMES = 5
DOCUMENT = Subject("document", "k", "f")


def edited(events: int) -> Log:
    """A session that saves every 30 s, in which somebody comes and goes."""
    log = Log()
    log.open()
    n = 0
    while log.lengths["document/k"] < events:
        n += 1
        seconds = 30.0 * n
        log.save(n, 6, seconds)
        offer = take(n, 6, seconds).offer
        reply = commands.NoteReplied(
            at=at(seconds + 2), status=6, http=200, error=0, seconds=2.0, offer=offer
        )
        log.tell("k", reply)
        log.tell("k", present("ada", *["bob"] * (n % 2), seconds=seconds + 3))
    return log


async def record(log: Log, database: Path) -> None:
    async with LedgerJournal.open(database) as journal:
        for changes in log.changes:
            await journal.append(*changes)


class Timed:
    def __init__(self, database: Path, export: Path) -> None:
        self.database, self.export_ = database, export

    def state(self) -> None:
        with Past.open(self.database) as past:
            facts = past.stream(DOCUMENT)
        assert document_state("k", until(facts, Moment()))["open"] == "editing"

    def check(self) -> None:
        with Past.open(self.database) as past:
            assert repeat(past.incident(DOCUMENT)).difference is None

    def export(self) -> None:
        self._export(redact=False)

    def redacted(self) -> None:
        self._export(redact=True)

    def _export(self, *, redact: bool) -> None:
        with Past.open(self.database) as past, self.export_.open("wb") as out:
            disguise = Disguise(past.incident(DOCUMENT)) if redact else None
            out.write(header("document/k", redacted=redact, at=datetime.now(UTC), release="").encode())
            for fact in past.incident(DOCUMENT):
                out.write(line(disguise.put_on(fact) if disguise else fact).encode())

    def from_export(self) -> None:
        with self.export_.open("rb") as lines:
            assert repeat(read(lines)).difference is None


def milliseconds(work: Callable[[], None]) -> float:
    took = []
    for _ in range(TIMES):
        begun = time.process_time()
        work()
        took.append(time.process_time() - begun)
    return round(1000 * median(took), 1)


def measure(folder: Path, events: int) -> dict[str, float]:
    log = edited(events)
    database = folder / f"{events}.db"
    trio.run(record, log, database)
    timed = Timed(database, folder / f"{events}.jsonl")
    works: Sequence[Callable[[], None]] = (
        timed.state,
        timed.check,
        timed.export,
        timed.redacted,
        timed.from_export,
    )
    return {"events": len(log.facts), **{work.__name__: milliseconds(work) for work in works}}


@click.command()
@click.option("--events", default="10,1000,10000", show_default=True, help="Of the document, in each case.")
def main(events: str) -> None:
    click.echo(
        "Milliseconds of CPU to read a document and tell its state, to decide all again from the database,"
    )
    click.echo("to export it, to export it redacted, and to decide all again from that export:")
    with tempfile.TemporaryDirectory(prefix="docledger-replay-") as folder:
        for number in events.split(","):
            click.echo(json.dumps(measure(Path(folder), int(number))))


if __name__ == "__main__":
    main()
