"""`docledger backup`: the log and all bytes, copied while people edit, and looked at again."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import psycopg
from eventsourcing.persistence import PersistenceError

from application.journal import JournalFailed
from application.ports import StorageFailed
from application.telling import count_of, size_of
from infrastructure.backup.checking import check, total
from infrastructure.backup.layout import BackupFailed, Destination
from infrastructure.backup.making import Made, make
from infrastructure.backup.places import Places
from infrastructure.databases import in_a_line
from infrastructure.migrating.logs import CannotCopy
from infrastructure.settings import read_settings

KEPT = 7  # snapshots


@click.command()
@click.argument("destination", metavar="DEST", type=click.Path(file_okay=False, path_type=Path))
@click.option("--keep", default=KEPT, show_default=True, type=click.IntRange(1), help="Snapshots to keep.")
@click.option("--verify", "only_verify", is_flag=True, help="Look at what is in DEST instead, byte by byte.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def backup(destination: Path, *, keep: int, only_verify: bool, as_json: bool) -> None:
    """Copy the log and all bytes to DEST, also while the service runs.

    What DEST has already is not copied again. Until a backup is whole, the earlier ones are as they were;
    one that was killed is gone on with. Settings are no part of it: keep them elsewhere.
    """
    with plainly():
        if only_verify:
            _verify(Destination(destination), as_json=as_json)
        else:
            _make(Destination(destination), keep, as_json=as_json)


def _make(destination: Destination, keep: int, *, as_json: bool) -> None:
    places = Places.of(read_settings())
    with click.progressbar(length=1, label="Copying", file=sys.stderr) as bar:
        made = make(places, destination, keep, _Bar(bar))
        bar.update((bar.length or 1) - bar.pos)
    manifest = made.manifest
    if as_json:
        click.echo(json.dumps({"snapshot": str(made.snapshot), **asdict(manifest)}))
    else:
        click.echo("\n".join(_lines(made)))
    if manifest.missing:
        click.echo("The service itself lacks bytes that its log names:", err=True)
        for sha256 in manifest.missing:
            click.echo(f"  {sha256}", err=True)
        sys.exit(1)


def _lines(made: Made) -> Iterator[str]:
    manifest = made.manifest
    yield f"{made.snapshot}: the log up to event {manifest.position}"
    whole = f"{count_of(manifest.blob_count, 'blob')}, {size_of(manifest.blob_bytes)}"
    yield f"{whole}; copied now: {made.copied}, {size_of(made.copied_bytes)}."
    if manifest.checkpoint:
        yield f"Last signed checkpoint: {manifest.checkpoint}"


def _verify(destination: Destination, *, as_json: bool) -> None:
    snapshots = destination.all()
    destination.snapshot(None)  # there must be one
    with click.progressbar(length=total(snapshots), label="Checking", file=sys.stderr) as bar:
        findings = list(check(destination, snapshots, bar.update))
    if as_json:
        click.echo(json.dumps({"snapshots": [path.name for path in snapshots], "findings": findings}))
    else:
        for finding in findings:
            click.echo(finding)
        found = count_of(len(findings), "finding") if findings else "nothing found"
        click.echo(f"{count_of(len(snapshots), 'snapshot')} checked: {found}.")
    sys.exit(1 if findings else 0)


class _Bar:
    """A progress bar whose length is known only on the way: the log counts by its pages."""

    PAGE = 4096  # bytes, as a rule

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._log = 0

    def log(self, done: int, pages: int) -> None:
        self._log = pages * self.PAGE
        self._bar.length = max(self._log, 1)
        self._bar.update(done * self.PAGE - self._bar.pos)

    def bytes(self, count: int, left: int) -> None:
        self._bar.length = max(self._bar.pos + count + left, 1)
        self._bar.update(count)


@contextmanager
def plainly() -> Iterator[None]:
    """What goes wrong, in words."""
    try:
        yield
    except (BackupFailed, CannotCopy, JournalFailed) as trouble:
        raise click.ClickException(str(trouble)) from trouble
    except (StorageFailed, PersistenceError, psycopg.Error, OSError, sqlite3.Error) as trouble:
        raise click.ClickException(
            f"{in_a_line(trouble)}. Earlier backups are as they were; what was copied is not copied again."
        ) from trouble
