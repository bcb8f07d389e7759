"""The command line: `docledger erase` takes a person's data, or old addresses, out of the log."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial

import click

from application.ports import StorageFailed
from application.telling import count_of
from domain.erasure import without_person
from domain.file import EVERYBODY
from domain.keys import user_id
from infrastructure.beside_the_log import clean_notes, waiting_saves
from infrastructure.databases import CannotRead
from infrastructure.journal.committing import STORE
from infrastructure.journal.databases import compact, ledger_at
from infrastructure.journal.erasing import Eraser, Erasure, Unreadable, of_addresses, of_names, of_person
from infrastructure.journal.postgres.compacting import STAYS as IN_POSTGRES
from infrastructure.journal.reading import snapshot
from infrastructure.settings import Settings, read_settings
from web.bootstrap import now
from web.commands.replay import a_text

OPERATOR = user_id("docledger operator")
STAYS = (
    "What stays: ids (hashes of the subject, which keys are made of), names of files, and what is written in"
    " documents. Backups, exports, log files and the Document Server have copies of their own: docs/audit.md"
    " says what to do."
)
Found = Sequence[tuple[Erasure, Mapping[str, int]]]  # with the streams that have it, and in how many events


@click.command()
@click.argument("subject", required=False, callback=a_text)
@click.option("--id", "is_id", is_flag=True, help="SUBJECT is one of our own ids, not the outside `sub`.")
@click.option("--before", type=click.DateTime(), help="Instead: everybody's addresses before this time, UTC.")
@click.option("--by", callback=a_text, help="The `sub` of who asks for it, for the record.")
@click.option("--dry-run", is_flag=True, help="Only say what would be taken out.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase(
    subject: str | None, *, is_id: bool, before: datetime | None, by: str | None, dry_run: bool, yes: bool
) -> None:
    """Take a person's name and addresses out of the log for good, also while the service runs.

    SUBJECT is the `sub` that the person signs in with. Every event stays, without them; the log still
    proves itself whole, and says when something was taken out. The database is compacted afterwards, so
    that its free pages forget it too: meanwhile a running service records nothing (and in PostgreSQL finds
    nothing), and saves that come are kept beside the log.
    """
    if (subject is None) == (before is None):
        raise click.UsageError("Say whom to erase (SUBJECT), or --before which time to erase addresses.")
    settings = read_settings()
    user = EVERYBODY if subject is None else subject if is_id else user_id(subject)
    with _eraser(settings, user_id(by) if by else OPERATOR) as eraser:
        erasures = [of_addresses(before.replace(tzinfo=UTC))] if before else _of_person(eraser, user)
        length = eraser.length()
        found = _look(eraser, erasures, length)
        if dry_run:
            return
        if any(streams for _, streams in found) and not yes:
            click.confirm("Take it out for good?", abort=True)
        damaged = _sweep(eraser, found)
        damaged += _sweep(eraser, [(erasure, eraser.find(erasure, beyond=length)) for erasure in erasures])
        eraser.forget_name(user)
        editing = eraser.editing(user)
    whole = _finish(settings, user, editing)
    for damage in damaged:
        click.echo(f"not erased, since it cannot be read: {damage}. See `docledger verify`.", err=True)
    sys.exit(0 if whole and not damaged else 1)


def _of_person(eraser: Eraser, user: str) -> list[Erasure]:
    """What others wrote comes first: the names must still be known then, should we be killed midway."""
    names = eraser.names(user)
    if not names and not eraser.knows(user):
        raise click.ClickException(f"The log knows nobody whose id is {user}.")
    click.echo(f"{', '.join(sorted(names)) or 'Somebody without a name'} (id {user})")
    return [*([of_names(user, names)] if names else []), of_person(user)]


def _look(eraser: Eraser, erasures: Sequence[Erasure], length: int) -> Found:
    with click.progressbar(length=length * len(erasures), label="Looking") as bar:
        found = [(erasure, eraser.find(erasure, bar.update)) for erasure in erasures]
    streams = sum((Counter(streams) for _, streams in found), Counter[str]())
    click.echo(f"{_places(streams)} have something to take out.")
    return found


def _sweep(eraser: Eraser, found: Found) -> list[str]:
    """What could not be read."""
    done: Counter[str] = Counter()
    damaged: list[str] = []
    length = sum(sum(streams.values()) for _, streams in found)
    if not length:
        return damaged
    with click.progressbar(length=length, label="Erasing") as bar:
        for erasure, streams in found:
            for stream, count in streams.items():
                try:
                    done[stream] += eraser.erase(stream, erasure)
                except Unreadable as damage:
                    damaged.append(str(damage))
                bar.update(count)
    if done.total():
        click.echo(f"Taken out of {_places(done)}.")
    return damaged


def _finish(settings: Settings, user: str, editing: Sequence[str]) -> bool:
    """What is not in the events. Whether nothing of it is left in our files."""
    clean = partial(without_person, user=user)
    with _plainly():
        if notes := clean_notes(settings, clean):
            click.echo(f"Taken out of {count_of(notes, 'note')} in quarantine.")
        click.echo("Compacting the database …")
        left = compact(settings.database)
        waiting = waiting_saves(settings, clean)  # also of those that came meanwhile
    if editing:
        click.echo(
            f"They edit {count_of(len(editing), 'document')} now, and the Document Server will name them"
            " again until they have left: run this again then.",
            err=True,
        )
    if waiting:
        told = count_of(waiting, "save")
        click.echo(f"Waiting for the log, and still with the name: {told}. Run this again later.", err=True)
    if left:
        click.echo(left, err=True)
    click.echo(f"{STAYS} {IN_POSTGRES}" if settings.uses_postgres else STAYS)
    return not left and not waiting


def _places(streams: Counter[str]) -> str:
    return f"{count_of(streams.total(), 'event')} in {count_of(len(streams), 'stream')}"


@contextmanager
def _eraser(settings: Settings, by: str) -> Iterator[Eraser]:
    try:
        with snapshot(settings.database):
            pass  # so there is a log, and we do not make one
    except CannotRead as trouble:
        raise click.ClickException(str(trouble)) from trouble
    with _plainly(), closing(ledger_at(settings.database)) as ledger:
        yield Eraser(ledger, by, now)


@contextmanager
def _plainly() -> Iterator[None]:
    """The store's troubles in words."""
    try:
        yield
    except (*STORE, StorageFailed, OSError) as trouble:
        raise click.ClickException(f"{trouble}. What was done so far is whole: run it again.") from trouble
