"""What a backup of a large store costs: its time, and how long those who save wait meanwhile.

`python -m tests.benchmarks.backup FOLDER --files 2000 --megabytes 1000`
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import click
import trio

from domain import events, words
from infrastructure.blobs import LocalBlobs
from infrastructure.journal import LedgerJournal
from tests.infrastructure.ledgers import Writer
from tests.service import COMMAND
from tests.story import at, joined, left, opened

LONGEST = 3600.0  # seconds
PAUSE = 0.01  # between two saves


async def chunks(size: int) -> AsyncIterator[bytes]:
    yield os.urandom(size)


async def store(blobs: LocalBlobs, writer: Writer, files: int, size: int) -> None:
    """As uploads leave it."""
    for number in range(files):
        blob = await blobs.keep(chunks(size), limit=size)
        added = events.Added(at=at(), name=f"{number}.docx", owner="ada", owner_name="Ada")
        version = events.VersionAdded(
            at=at(1),
            number=1,
            sha256=blob.sha256,
            size=blob.size,
            trigger=words.Trigger.UPLOAD,
            filetype="docx",
            head=True,
        )
        await writer.journal.append(writer.file(f"{number:08}", added, version))


class Load:
    """Bytes and facts that are written all the time, as saves are."""

    def __init__(self, blobs: LocalBlobs, writer: Writer) -> None:
        self._blobs, self._writer = blobs, writer
        self._number = 0
        self.waits: list[float] = []

    async def run(self) -> None:
        while True:
            self._number += 1
            key = f"k{self._number}"
            started = time.perf_counter()
            await self._blobs.keep(chunks(20_000), limit=20_000)
            change = self._writer.document(key, replace(opened(), file=key), joined(), left())
            await self._writer.journal.append(change)
            self.waits.append(time.perf_counter() - started)
            await trio.sleep(PAUSE)

    def report(self, what: str, seconds: float) -> None:
        waits = sorted(self.waits)
        self.waits = []
        median, p99 = (waits[int(len(waits) * share)] * 1000 for share in (0.5, 0.99))
        click.echo(
            f"{what}: {seconds:.1f} s; {len(waits)} saves meanwhile took {median:.0f} ms at the median,"
            f" {p99:.0f} at p99, {waits[-1] * 1000:.0f} at most"
        )


async def command(folder: Path, *arguments: str) -> float:
    environment = {**os.environ, "DOCLEDGER_DATA_DIR": str(folder / "data")}
    started = time.perf_counter()
    with trio.fail_after(LONGEST):
        done = await trio.run_process([COMMAND, *arguments], env=environment, capture_stdout=True)
    click.echo(done.stdout.decode().splitlines()[0])
    return time.perf_counter() - started


async def measure(folder: Path, files: int, size: int) -> None:
    data, backup = folder / "data", str(folder / "backup")
    blobs = LocalBlobs(data / "blobs")
    async with LedgerJournal.open(data / "docledger.db") as journal, trio.open_nursery() as nursery:
        writer = Writer(journal)
        await store(blobs, writer, files, size)
        load = Load(blobs, writer)
        nursery.start_soon(load.run)
        await trio.sleep(10)
        load.report("nothing beside them", 10)
        for what in ("the first backup", "the second"):
            load.report(what, await command(folder, "backup", backup))
        load.report("backup --verify", await command(folder, "backup", "--verify", backup))
        nursery.cancel_scope.cancel()
    seconds = await command(folder, "restore", backup, "--data-dir", str(folder / "again"))
    click.echo(f"restore: {seconds:.1f} s")


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--files", default=2000, show_default=True)
@click.option("--megabytes", default=1000, show_default=True)
def main(folder: Path, files: int, megabytes: int) -> None:
    trio.run(measure, folder, files, megabytes * 1_000_000 // files)


if __name__ == "__main__":
    main()
