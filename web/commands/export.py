"""`docledger export`: an incident, to be looked into elsewhere or kept as a test."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from typing import BinaryIO

import click

from application.disguising import Disguise
from infrastructure.incidents import header, line
from web.commands.replay import a_text, opened


@click.command()
@click.argument("subject", metavar="KEY|FILE_ID", callback=a_text)
@click.option("--redact", is_flag=True, help="Replace names, ids, addresses and urls; every decision stays.")
@click.option("-o", "--output", type=click.File("wb", atomic=True), default="-", help="A file to write to.")
def export(subject: str, redact: bool, output: BinaryIO) -> None:
    """Write the events of a document or of a whole file as JSON Lines, with what each was decided on.

    `docledger replay --from FILE` makes the decisions again, wherever that is. The bytes that were saved
    are never part of an export.
    """
    with opened(subject) as (past, found):
        disguise = Disguise(past.incident(found)) if redact else None
        of = disguise.stream(found.stream) if disguise else found.stream
        release = version("docledger")
        output.write(header(of, redacted=redact, at=datetime.now(UTC), release=release).encode())
        for fact in past.incident(found):
            output.write(line(disguise.put_on(fact) if disguise else fact).encode())
