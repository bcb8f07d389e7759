"""The command line: `docledger settings` says which settings are in force, and where each comes from."""

from __future__ import annotations

from itertools import groupby

import click

from infrastructure.settings import read_settings
from infrastructure.settings_reference import in_force, reference


@click.command()
@click.option("--markdown", is_flag=True, help="Instead: the page that describes them all, docs/settings.md.")
def settings(*, markdown: bool) -> None:
    """Print every setting in force, and where it comes from. Secrets are not shown."""
    if markdown:
        click.echo(reference(), nl=False)
        return
    rows = list(in_force(read_settings()))
    width = max(len(row.variable) for row in rows)
    for group, ours in groupby(rows, key=lambda row: row.group):
        click.secho(group, bold=True)
        for row in ours:
            source = "" if row.source == "default" else f"  ({row.source})"
            click.echo(f"  {row.variable:<{width}}  {row.value}{source}")
