"""`docledger restore`: a backup made into a service's data again, where there is nothing yet."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from application.telling import count_of
from infrastructure.backup.checking import total
from infrastructure.backup.layout import Destination, Manifest
from infrastructure.backup.places import Places
from infrastructure.backup.restoring import restore as restore_backup
from infrastructure.settings import read_settings
from web.commands.backup import plainly

NEXT = """What to do next:
1. Give the service the settings that it had (.env, secrets): they are no part of a backup.
2. Start it. It asks the Document Server about every document that was open at {made},
   and fetches what is still there.
3. Whatever was saved after that is not in this log. What the Document Server still delivers of
   sessions that the log does not know is kept in {quarantine}, each with a note that names its key.
4. People erased from the log since then are back in it: erase them again (docs/backup.md)."""


@click.command()
@click.argument("source", metavar="SRC", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="All of it here, whatever the settings say.",
)
@click.option("--snapshot", help="Its name; the last one without it.")
def restore(source: Path, data_dir: Path | None, snapshot: str | None) -> None:
    """Bring a backup back, every byte checked, and the log proven. Only where there is nothing yet.

    One that was killed can be run again. Exits with 1 if anything of the backup is missing or damaged.
    """
    with plainly():
        places = Places.within(data_dir.absolute()) if data_dir else Places.of(read_settings())
        backup = Destination(source)
        chosen = backup.snapshot(snapshot)
        manifest = Manifest.read(chosen)
        with click.progressbar(length=total([chosen]), label="Restoring", file=sys.stderr) as bar:
            findings = restore_backup(backup, chosen, places, bar.update)
    for finding in findings:
        click.echo(finding, err=True)
    found = count_of(len(findings), "finding") if findings else "nothing found"
    blobs = count_of(manifest.blob_count, "blob")
    click.echo(f"{places.data}: the log up to event {manifest.position} and {blobs}. Checked: {found}.")
    click.echo(NEXT.format(made=manifest.made, quarantine=places.quarantine))
    sys.exit(1 if findings else 0)
