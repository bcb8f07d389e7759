"""`docledger verify`: has anybody touched the log?"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from application.telling import count_of
from infrastructure.evidence import CannotCheck, Report
from infrastructure.evidence import verify as check
from infrastructure.settings import Settings, SettingsError, read_settings
from infrastructure.signing import public_half, public_key

FINDINGS, CANNOT_CHECK = 1, 2  # exit codes

Option = TypeVar("Option", bound=Callable[..., Any])


def _anchors(ctx: click.Context, param: click.Parameter, values: Sequence[str]) -> dict[int, str]:
    anchors = {}
    for value in values:
        position, _, hash_ = value.strip().lower().partition(":")
        if not position.isdecimal() or len(hash_) != 64:
            raise click.BadParameter(f"{value!r} is not like 1234:9f86…, as the service logs it")
        anchors[int(position)] = hash_
    return anchors


def public_keys(help_: str) -> Callable[[Option], Option]:
    """The option whose files `keys_of` reads."""
    file = click.Path(exists=True, dir_okay=False, path_type=Path)
    return click.option("--public-key", "files", metavar="FILE", multiple=True, type=file, help=help_)


@click.command()
@public_keys(
    "Who may have signed the checkpoints, in PEM; again for each key that was ever used. "
    "The public half of CHECKPOINT_KEY without it."
)
@click.option(
    "--anchor",
    "anchors",
    multiple=True,
    metavar="POSITION:HASH",
    callback=_anchors,
    help="A checkpoint that the service once logged: it must be there, and unchanged.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
def verify(files: Sequence[Path], anchors: Mapping[int, str], as_json: bool) -> None:
    """Check that no fact was changed, removed, inserted or moved since it was recorded.

    Works beside the running service and writes nothing. Exits with 1 if anything is found, with 2 if
    there is nothing that could be checked.
    """
    try:
        settings = read_settings()
        with click.progressbar(length=1, label="Checking the log", file=sys.stderr) as bar:

            def progress(position: int, last: int) -> None:
                bar.length = last
                bar.update(position - bar.pos)

            report = check(settings.database, keys_of(settings, files), anchors, progress)
            progress(report.last, report.last)
    except (CannotCheck, SettingsError) as trouble:
        _fail(str(trouble))
    except KeyboardInterrupt:
        _fail("stopped before the end")
    click.echo(json.dumps(_plain(report)) if as_json else "\n".join(_lines(report)))
    sys.exit(FINDINGS if report.findings else 0)


def keys_of(settings: Settings, files: Sequence[Path]) -> list[Ed25519PublicKey]:
    """Empty if the service has signed nothing yet. Raises CannotCheck."""
    if not files and not settings.checkpoint_key.exists():
        return []
    return [_key(public_key, file) for file in files] or [_key(public_half, settings.checkpoint_key)]


def _key(read: Callable[[Path], Ed25519PublicKey], file: Path) -> Ed25519PublicKey:
    try:
        return read(file)
    except (OSError, ValueError) as trouble:
        raise CannotCheck(f"{file} cannot be used: {trouble}") from trouble


def _lines(report: Report) -> Iterator[str]:
    yield from map(str, report.findings)
    if report.given_up:
        yield "Nothing further was looked at."
    count, left = len(report.findings), report.facts - report.covered
    checkpoints = count_of(report.checkpoints, "checkpoint")
    found = count_of(count, "finding") if count else "nothing found"
    yield f"{count_of(report.facts, 'fact')} checked: {found}."
    yield f"{report.covered} covered by {checkpoints} up to position {report.last_covered}."
    if left:
        yield f"{left} not covered: who can write to the database could have rewritten these, links and all."
    if report.redacted:
        yield f"{report.redacted} redacted, and sealed by later facts as they were left."


def _plain(report: Report) -> dict[str, Any]:
    return {
        "facts": report.facts,
        "covered": report.covered,
        "checkpoints": report.checkpoints,
        "last_covered": report.last_covered,
        "redacted": report.redacted,
        "given_up": report.given_up,
        "findings": [finding.plain for finding in report.findings],
    }


def _fail(reason: str) -> NoReturn:
    click.echo(reason, err=True)
    sys.exit(CANNOT_CHECK)
