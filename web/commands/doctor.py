"""`docledger doctor`: what is wrong, and the one thing to do about it."""

from __future__ import annotations

import json
import logging
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence

import click
import trio

from application.doctor.checks import Check, Verdict, fail, failed, ok, plain, summary
from application.doctor.keeping import judge_verified
from infrastructure.databases import in_a_line
from infrastructure.doctor.setting_out import fingerprint
from infrastructure.evidence import CannotCheck
from infrastructure.evidence import verify as verify_log
from infrastructure.kept import own_secret
from infrastructure.running_service import NotReached, NotRunning, ask_to_examine
from infrastructure.settings import Settings, SettingsError, read_settings
from web.commands.verify import keys_of
from web.examining_alone import examine_alone

SIGNS = {Verdict.OK: ("✓", "green"), Verdict.WARN: ("!", "yellow"), Verdict.FAIL: ("✗", "red")}
TITLE = 20  # columns of a check's name
INDENT = " " * (TITLE + 9)
NARROW, WIDE = 60, 110


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
@click.option("--verify", is_flag=True, help="Also verify the whole log, however long that takes.")
def doctor(*, as_json: bool, verify: bool) -> None:
    """Look at everything that can be wrong between Docledger, the Document Server and their people.

    Beside the running service, or without it. Each check has a verdict and the one thing to do; the exit
    code is 1 if any fails.
    """
    checks = list(_checks())
    if verify:
        checks = [_verified() if check.name == "log" else check for check in checks]
    click.echo(json.dumps(plain(checks)) if as_json else "\n".join([*_lines(checks), summary(checks)]))
    sys.exit(1 if failed(checks) else 0)


def _checks() -> Sequence[Check]:
    try:
        settings = read_settings()
        asked_with = fingerprint(settings, own_secret(settings))
    except SettingsError as mistakes:
        remedy = "Correct them in the environment or the .env file; docs/settings.md has every one."
        return [fail("settings", in_a_line(mistakes), remedy)]
    try:
        seen = [
            Check(**{**row, "verdict": Verdict(row["verdict"])})
            for row in ask_to_examine(settings, asked_with)
        ]
    except NotRunning:
        return _alone(settings, None)
    except (NotReached, TypeError, KeyError, ValueError) as trouble:
        remedy = "See that the service is the one of these settings and this release, and restart it."
        return _alone(settings, fail("service", f"It does not answer as it should: {trouble}", remedy))
    return [ok("service", "It runs, and has looked for itself."), *seen]


def _alone(settings: Settings, silent: Check | None) -> Sequence[Check]:
    logging.basicConfig(level=logging.CRITICAL)  # what went wrong is said in the checks
    return trio.run(examine_alone, settings, silent)


def _verified() -> Check:
    settings = read_settings()
    try:
        report = verify_log(settings.database, keys_of(settings, ()))
    except CannotCheck as trouble:
        return judge_verified(0, 0, str(trouble))
    return judge_verified(len(report.findings), report.facts)


def _lines(checks: Sequence[Check]) -> Iterator[str]:
    width = max(NARROW, min(WIDE, shutil.get_terminal_size((WIDE, 24)).columns))
    for check in checks:
        sign, colour = SIGNS[check.verdict]
        verdict = click.style(f"{sign} {check.verdict:<4}", fg=colour, bold=check.verdict is not Verdict.OK)
        title = f"{check.name.replace('_', ' '):<{TITLE}}"
        first, *more = textwrap.wrap(check.detail, width - len(INDENT), break_on_hyphens=False) or [""]
        yield f"{verdict} {click.style(title, bold=True)} {first}"
        yield from (INDENT + line for line in more)
        for number, line in enumerate(
            textwrap.wrap(check.remedy, width - len(INDENT) - 2, break_on_hyphens=False)
        ):
            yield f"{INDENT}{'  ' if number else '→ '}{line}"
