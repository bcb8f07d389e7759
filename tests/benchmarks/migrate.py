"""What it costs to grow: a year's log to PostgreSQL, bytes to an object store, and the stop in the end.

`python -m tests.benchmarks.migrate FOLDER --documents 100000 --files 2000 --megabytes 1000`
"""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click

from application.ports import Blob
from infrastructure.depots import FolderDepot
from infrastructure.migrating.blobs import Moving
from infrastructure.object_store import PATIENT, bucket_at
from tests.benchmarks.biglog import made
from tests.engines.objects import object_store, weed
from tests.engines.postgres import postgres_folder, postgres_server
from tests.infrastructure.migrating import Silent, grow
from tests.object_store.stores import blob_of
from tests.service import COMMAND

LONGEST = 3600.0  # seconds
TAIL = 125  # sessions of eight facts each, recorded since the run before


@contextmanager
def timed(what: str, count: float, unit: str) -> Iterator[None]:
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    yield
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    rate = f", {count / seconds:,.0f} {unit}/s" if count else ""
    cpu = f"; {busy:.1f} s of our own CPU" if busy > 0.1 else ""  # on a busy machine the truer figure
    click.echo(f"{what}: {seconds:.1f} s{rate}{cpu}")


def command(folder: Path, *arguments: str, code: int = 0, **settings: str) -> None:
    environment = {"DOCLEDGER_DATA_DIR": str(folder / "data"), **settings}
    done = subprocess.run(
        [COMMAND, *arguments],
        env={**os.environ, **environment},
        timeout=LONGEST,
        capture_output=True,
        check=False,
    )
    assert done.returncode == code, done.stderr[-2000:] + done.stdout[-2000:]


def of_log(folder: Path, documents: int) -> None:
    """`folder` gets a big log, unless it has one."""
    database = folder / "data" / "docledger.db"
    if not database.exists():
        made(folder / "data", documents, seed=1, progress=True)
    with (
        closing(sqlite3.connect(database)) as log,
        postgres_server(postgres_folder() or sys.exit(1)) as server,
    ):
        facts = log.execute("SELECT count(*) FROM stored_events").fetchone()[0]
        url = server.create_database()
        with timed(f"first run beside the service, {facts:,} facts copied, compared, proven", facts, "facts"):
            command(folder, "migrate", "--database", url, code=3)
        grow(database, *(f"tail {number} {time.time()}" for number in range(TAIL)))
        with timed(f"again beside the service, {TAIL * 8} new facts", 0, ""):
            command(folder, "migrate", "--database", url, code=3)
        grow(database, *(f"tail {number} {time.time()}" for number in range(TAIL)))
        log.close()
        with timed(f"the stop: the last run, {TAIL * 8} new facts", 0, ""):
            command(folder, "migrate", "--database", url)
        with timed("docledger verify of the copy", facts, "facts"):
            command(folder, "verify", DOCLEDGER_DATABASE_URL=url)
        for what in ("first backup of it", "second backup of it"):
            with timed(what, 0, ""):
                command(folder, "backup", str(folder / "backup"), code=1, DOCLEDGER_DATABASE_URL=url)
    click.echo(f"most memory: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024} MB")


def of_bytes(folder: Path, files: int, size: int) -> None:
    here, back = FolderDepot(folder / "bytes"), FolderDepot(folder / "back")
    for number in range(files):
        draft = folder / "draft"
        draft.write_bytes(content := os.urandom(size - number % 7))
        here.keep(draft, Blob(blob_of(content).sha256, len(content)))
    with object_store(weed() or sys.exit(1)) as store:
        os.environ.update(store.environment)
        bucket = bucket_at(store.url(), PATIENT)
        megabytes = files * size / 1e6
        with timed(f"{files} files of {size / 1e6:g} MB to an object store", megabytes, "MB"):
            Moving([here], bucket).copy(Silent())
        with timed("the same once more: nothing to do", 0, ""):
            Moving([here], bucket).copy(Silent())
        with timed("back into a folder", megabytes, "MB"):
            Moving([bucket], back).copy(Silent())


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--documents", default=100_000, show_default=True)
@click.option("--files", default=2000, show_default=True)
@click.option("--megabytes", default=1000, show_default=True)
def main(folder: Path, documents: int, files: int, megabytes: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if documents:
        of_log(folder, documents)
    if files:
        of_bytes(folder, files, megabytes * 1_000_000 // files)


if __name__ == "__main__":
    main()
