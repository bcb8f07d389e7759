"""`docledger migrate`: the log and all bytes taken to other engines, while people edit, and proven there."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click
import psycopg
from eventsourcing.persistence import PersistenceError

from application.journal import JournalFailed
from application.ports import StorageFailed
from application.telling import count_of, size_of
from infrastructure import store_urls
from infrastructure.databases import in_a_line
from infrastructure.depots import FolderDepot, depot_of
from infrastructure.evidence import CannotCheck
from infrastructure.migrating.blobs import places_of
from infrastructure.migrating.logs import CannotCopy
from infrastructure.migrating.migration import Outcome, Plan
from infrastructure.migrating.migration import migrate as carry_out
from infrastructure.settings import PREFIX, Settings, read_settings
from web.commands.stages import Bars
from web.commands.verify import keys_of, public_keys

FINDINGS, IN_USE = 1, 3  # exit codes
MANY = 20  # findings that are shown
AGAIN = "What was copied need not be copied again: run this again."
GO_ON = """Others have the log open, or it is not ours to write to. What is recorded from now on is for the
next run. To finish: `docledger drain --close`, stop the service, and run this once more, as its user."""
FINISHED = """All of it is there, compared and proven. Start the service with these settings:

{settings}

Take along what is in {data}: {kept}. Each machine that is to run
a node needs the same secrets. Nothing was changed in what was copied: keep it until you are content, and do
not start a service on it again, which would go its own way."""


def _checked(check: Callable[[str], str]) -> Callable[..., str | None]:
    def callback(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
        try:
            return value and check(value)
        except ValueError as mistake:
            raise click.BadParameter(str(mistake)) from mistake

    return callback


@click.command()
@click.option(
    "--database",
    metavar="URL",
    callback=_checked(store_urls.database_url),
    help="Where the log is to go: postgresql://…, or sqlite:///… for a file that is not there yet.",
)
@click.option(
    "--blobs",
    metavar="URL",
    callback=_checked(store_urls.blob_url),
    help="Where the bytes are to go: s3://…, gs://…, az://… or file:///…",
)
@click.option(
    "--anew", is_flag=True, help="Prove again what earlier runs have proven, and read every byte back."
)
@click.option(
    "--as-it-is", is_flag=True, help="Accept what is wrong with the source itself, and is with the copy too."
)
@public_keys("As for `docledger verify`: who may have signed the checkpoints.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def migrate(
    database: str | None,
    blobs: str | None,
    *,
    anew: bool,
    as_it_is: bool,
    files: Sequence[Path],
    as_json: bool,
) -> None:
    """Copy the log and all bytes to other engines, beside the running service and as often as you like.

    Each run goes on where the last one ended, also one that was killed, compares what it copied and proves
    it. The run that nobody else has the log open for is the last one: until then no service starts on the
    copy. Exits with 0 then, with 3 if others have the log open, and with 1 if anything is found.
    """
    settings = read_settings()
    changed = {"database_url": database, "blob_url": blobs}
    target = settings.model_copy(update={name: url for name, url in changed.items() if url})
    if target == settings:
        raise click.UsageError("Say where to: --database URL, --blobs URL, or both; and not where it is.")
    with plainly():
        plan = Plan(
            source=settings.database,
            places=places_of(settings),
            database=target.database if target.database_url != settings.database_url else None,
            depot=depot_of(target) if target.blob_url != settings.blob_url else None,
            keys=keys_of(settings, files),
            anew=anew,
            as_it_is=as_it_is,
        )
        outcome = carry_out(plan, Bars())
    click.echo(json.dumps(asdict(outcome)) if as_json else "\n".join(_lines(outcome, target, plan)))
    sys.exit(0 if outcome.finished else IN_USE if outcome.blessed else FINDINGS)


def _lines(outcome: Outcome, target: Settings, plan: Plan) -> Iterator[str]:
    if plan.database:
        yield f"The log up to event {outcome.last}; copied now: {count_of(outcome.events, 'event')}."
    if plan.depot:
        yield f"Bytes copied now: {count_of(outcome.blobs, 'blob')}, {size_of(outcome.blob_bytes)}."
    found = outcome.findings
    yield from _findings(found.differing, "The copy is not what its source is")
    yield from _findings(found.inherited, "The source itself is not whole, and so the copy is not")
    if outcome.finished:
        yield FINISHED.format(
            settings="\n".join(_settings(target, plan)), data=target.data_dir, kept=_kept(target)
        )
    elif outcome.blessed:
        yield GO_ON
    elif not found.differing:
        yield "No service starts on it so. `docledger verify` says more; --as-it-is accepts it."
    else:
        yield "No service starts on it so. `docledger verify` says which of the two is whole."


def _findings(findings: Sequence[str], title: str) -> Iterator[str]:
    if findings:
        yield f"{title}:"
        yield from (f"  {finding}" for finding in findings[:MANY])
    if len(findings) > MANY:
        yield f"  and {len(findings) - MANY} more"


def _settings(target: Settings, plan: Plan) -> Iterator[str]:
    if plan.database:
        yield f"  {PREFIX}DATABASE_URL={store_urls.without_password(target.database_url)}"
    if plan.depot:
        yield f"  {PREFIX}BLOB_URL={target.blob_url}"


def _kept(settings: Settings) -> str:
    secret = () if settings.secret else (settings.data_dir / "secret",)
    files = [path for path in (*secret, settings.checkpoint_key) if path.exists()]
    sidecars, overflow = settings.data_dir / "sidecars", settings.data_dir / "overflow"
    if any(sidecars.glob("*.json")):
        files.append(sidecars)
    if any(FolderDepot(overflow).all()):
        files.append(overflow)
    return ", ".join(map(str, files)) or "nothing"


@contextmanager
def plainly() -> Iterator[None]:
    """What goes wrong, in words."""
    try:
        yield
    except (CannotCopy, CannotCheck, JournalFailed) as trouble:
        raise click.ClickException(str(trouble)) from trouble
    except (StorageFailed, PersistenceError, psycopg.Error, sqlite3.Error, OSError) as trouble:
        raise click.ClickException(f"{in_a_line(trouble)}. {AGAIN}") from trouble
