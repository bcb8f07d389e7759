"""`docledger replay`: what happened up to a moment and what was true then, and every decision made again."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from application.journal import Damaged, JournalFailed, Recorded
from application.people import introduced, named_in
from application.repeating import CannotRepeat, repeat
from application.replaying import Moment, NoSuchMoment, document_state, file_state, time_of, until
from application.telling import told
from infrastructure.incidents import Malformed, read
from infrastructure.journal.past import Past, Subject
from infrastructure.settings import read_settings
from web.commands.printing import fact_line, repetition_lines, state_lines


def a_text(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """An argument that is no path may not hold whatever bytes a path may."""
    try:
        (value or "").encode()
    except UnicodeEncodeError as bad:
        raise click.BadParameter(f"{value!r} is no text in UTF-8") from bad
    return value


def _time(_context: click.Context, _parameter: click.Parameter, text: str | None) -> datetime | None:
    try:
        return None if text is None else time_of(text)
    except ValueError as bad:
        raise click.BadParameter(f"{text!r} is not {bad}") from bad


@click.command()
@click.argument("subject", metavar="[KEY|FILE_ID]", required=False, callback=a_text)
@click.option("--after", type=click.IntRange(0), help="Up to the event of this number.")
@click.option(
    "--at", metavar="TIME", callback=_time, help="Up to this time: ISO 8601, in UTC unless it says otherwise."
)
@click.option("--version", type=click.IntRange(1), help="Up to the event that stored this version.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--check", is_flag=True, help="Make every decision again and compare it with what is recorded.")
@click.option(
    "--from", "export", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Make the decisions of an exported incident again instead.",
)  # fmt: skip
def replay(subject: str | None, as_json: bool, check: bool, export: Path | None, **moment: Any) -> None:
    """Tell what happened to a document or a file up to a moment, and what was true then.

    With --check or --from, today's code makes every decision again; the first that it makes differently
    is shown, and the exit code is 1.
    """
    given = {name: value for name, value in moment.items() if value is not None}
    if (subject is None) == (export is None):
        raise click.UsageError("Name a document's key or a file's id, or an exported incident with --from.")
    if len(given) > 1 or (given and (check or export)):
        raise click.UsageError("Give one of --after, --at and --version, or make all decisions again.")
    if export:
        _repeat_export(export)
        return
    assert subject
    with opened(subject) as (past, found):
        if check:
            _report(past.incident(found))
        else:
            _show(past, found, Moment(**given), as_json=as_json)


@contextmanager
def opened(id_: str) -> Iterator[tuple[Past, Subject]]:
    """The log, and what the id stands for in it; says what to do where there is none."""
    try:
        with Past.open(read_settings().database) as past:
            subject = past.subject(id_)
            if subject is None:
                raise click.ClickException(_unknown(id_, past.near(id_)))
            yield past, subject
    except (JournalFailed, Damaged, CannotRepeat) as trouble:
        raise click.ClickException(str(trouble)) from trouble


def _unknown(id_: str, near: Sequence[str]) -> str:
    lines = [f"There is no document or file {id_!r} in this log."]
    if near:
        lines += ["Did you mean one of these?", *(f"  {known}" for known in near)]
    else:
        lines.append("Its keys are in GET /api/documents; an incident exported elsewhere wants --from.")
    return "\n".join(lines)


def _show(past: Past, subject: Subject, moment: Moment, *, as_json: bool) -> None:
    facts = past.stream(subject)
    try:
        shown = until(facts, moment)
    except NoSuchMoment as missing:
        raise click.ClickException(str(missing)) from missing
    names = _names(past, facts)
    state = document_state if subject.kind == "document" else file_state
    try:
        told_of = {**state(subject.id, shown), "last": len(facts)}
    except (KeyError, ValueError) as trouble:
        raise click.ClickException(f"{subject.stream} tells of what never was: {trouble!r}.") from trouble
    if as_json:
        click.echo(json.dumps({**told_of, "events": [_plain(fact, names) for fact in shown]}))
        return
    click.echo(f"{subject.kind} {subject.id}" + (f" of file {subject.file}" * (subject.kind == "document")))
    for fact in shown:
        click.echo(fact_line(fact, names))
    click.echo(f"State after event {told_of['number']} of {len(facts)}: {told_of.get('open') or ''}".rstrip())
    for line in state_lines(told_of["state"]):
        click.echo(line)
    if subject.kind == "file":
        for key in past.sessions(subject.file):
            click.echo(f"session {key}")


def _names(past: Past, facts: Sequence[Recorded]) -> Mapping[str, str]:
    users = {user for fact in facts for user in named_in(fact.event)}
    return {**introduced(fact.event for fact in facts), **past.names(users)}


def _plain(fact: Recorded, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "number": fact.number,
        "position": fact.position,
        "type": type(fact.event).__name__,
        "at": fact.event.at.isoformat(),
        "told": told(fact.event, names),
    }


def _repeat_export(path: Path) -> None:
    with path.open("rb") as lines:
        try:
            _report(read(lines))
        except Malformed as trouble:
            raise click.ClickException(f"{path}, {trouble}") from trouble
        except CannotRepeat as trouble:
            raise click.ClickException(f"{path}, line {trouble.count + 1}: {trouble}") from trouble


def _report(facts: Iterable[Recorded]) -> None:
    result = repeat(facts)
    for line in repetition_lines(result):
        click.echo(line)
    sys.exit(1 if result.difference else 0)
