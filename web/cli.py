"""The command line: `docledger serve`, `import`, `drain`, `token`, and the commands beside it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click
import trio

from application.journal import JournalFailed
from application.ports import StorageFailed
from infrastructure import logs
from infrastructure.collector import tune_collector
from infrastructure.running_service import NotReached, ask_to_drain
from infrastructure.settings import SettingsError, read_settings
from infrastructure.standin_process import StandinFailed
from infrastructure.tokens import user_token
from web.commands.backup import backup
from web.commands.doctor import doctor
from web.commands.erase import erase
from web.commands.export import export
from web.commands.migrate import migrate
from web.commands.replay import replay
from web.commands.restore import restore
from web.commands.settings import settings as settings_command
from web.commands.verify import verify
from web.commands.webhooks import webhooks
from web.configured import secrets_of
from web.groups import beginnings, leaves
from web.importing import Result, import_files
from web.server import run, tell_engines
from web.workers import NoWorkers, run_worker, run_workers


class Commands(click.Group):
    def invoke(self, ctx: click.Context) -> object:
        """Whatever a command needs the settings for: what is wrong with them is said in one way."""
        try:
            return super().invoke(ctx)
        except SettingsError as mistakes:
            raise click.ClickException(str(mistakes)) from mistakes


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="docledger")
def main() -> None:
    """ONLYOFFICE editing on top of a team's own files that never loses a save."""


FORESEEN = (SettingsError, StandinFailed, JournalFailed, StorageFailed, OSError, NoWorkers)
COMMANDS = (doctor, verify, replay, export, erase, settings_command, backup, restore, migrate, webhooks)

for command in COMMANDS:
    main.add_command(command)


@main.command()
@click.option("--workers", type=click.IntRange(1, 64), help="Processes on one port, instead of WORKERS.")
@click.option("--worker", nargs=4, type=int, hidden=True, help="What a worker is told by its parent.")
def serve(workers: int | None, worker: tuple[int, int, int, int] | None) -> None:
    """Start the service. Settings are DOCLEDGER_* variables or lines of a .env file."""
    settings = read_settings()
    count = workers or settings.workers
    try:
        number = worker[0] if worker else None
        logs.configure(settings.log_level, settings.log_format, secrets_of(settings), number=number)
        tune_collector()
        if worker:
            trio.run(run_worker, settings, *worker)
            return
        tell_engines(settings, count)
        if count > 1:
            trio.run(run_workers, settings, count)
        else:
            trio.run(run, settings)
    except* Exception as trouble:
        began = list(beginnings(trouble))
        if not all(isinstance(error, FORESEEN) for error in began):
            raise
        _fail(*dict.fromkeys(map(str, began)))


@main.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--owner", help="The `sub` of the user who will own the files; needed outside the demo.")
@click.option("--share", is_flag=True, help="Share them for editing with everybody who is signed in.")
def import_(paths: tuple[Path, ...], owner: str | None, share: bool) -> None:
    """Import files and folders. What no editor opens, or is not what its name says, is reported."""
    settings = read_settings()
    if owner is None and not settings.demo:
        raise click.UsageError("Say whose files these are: --owner SUB")
    found = sorted(_files(paths))
    sizes = [path.stat().st_size for path in found]
    results: list[Result] = []
    with click.progressbar(length=sum(sizes), label=f"Importing {len(found)} files") as bar:

        def done(result: Result) -> None:
            results.append(result)
            bar.update(result.size)

        try:
            trio.run(import_files, settings, found, owner or "local", share, done)
        except* (JournalFailed, StorageFailed, OSError) as trouble:
            _fail(*(str(error) for error in leaves(trouble)))
    refused = [result for result in results if result.refused]
    for result in refused:
        click.echo(f"not imported: {result.path}: {result.refused}", err=True)
    click.echo(f"{len(results) - len(refused)} imported, {len(refused)} not.")
    sys.exit(1 if refused else 0)


@main.command()
@click.argument("name")
@click.option(
    "--role", default="user", help="`auditor` reads the whole log, `admin` sees how the service is."
)
@click.option("--hours", default=12.0, show_default=True, help="How long it is valid.")
def token(name: str, role: str, hours: float) -> None:
    """Print a link that signs NAME in, as your own application would; needs AUTH_SECRET."""
    settings = read_settings()
    if settings.auth_secret is None:
        raise click.UsageError("The demo needs no token: open the page with ?as=NAME.")
    signed = user_token(settings.auth_secret.get_secret_value(), name, role, hours * 3600)
    click.echo(f"{settings.public_url}/sign-in#token={signed}")


@main.command()
@click.option("--close", is_flag=True, help="Also let nobody in until the next start, and send people out.")
@click.option("--seconds", default=30, show_default=True, type=click.IntRange(0, 600))
def drain(close: bool, seconds: int) -> None:
    """Have the running service save every open document now, before a stop, a backup or an upgrade."""
    settings = read_settings()
    try:
        result = ask_to_drain(settings, seconds, close=close)
    except NotReached as trouble:
        _fail(str(trouble))
        return
    click.echo(f"Saved: {result.saved}. Left unsaved: {len(result.left)}.")
    for key in result.left:
        click.echo(f"not saved in time: {key}", err=True)
    sys.exit(1 if result.left else 0)


def _files(paths: tuple[Path, ...]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from (inner for inner in path.rglob("*") if inner.is_file() and not inner.is_symlink())
        else:
            yield path


def _fail(*reasons: str) -> None:
    for reason in reasons:
        click.echo(reason, err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
