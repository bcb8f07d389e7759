"""The chaos run from the command line; its last line is one JSON object."""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click
import trio

from tests.chaos.cluster import Missing
from tests.chaos.run import Interrupted, Result, details, run, summary
from tests.chaos.stage import Wishes

SHOWN = 5  # of each kind of wrong
TRAIL = 15  # log lines


@click.command()
@click.option("--kills", default=50, show_default=True, help="Of Docledger; the server is killed too.")
@click.option("--seed", type=int, help="The same seed makes the same plan; a random one if unset.")
@click.option("--policy", type=click.Choice(["always", "durable"]), default="durable", show_default=True)
@click.option("--documents", default=100, show_default=True)
@click.option(
    "--nodes",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Several work on PostgreSQL, an object store and Redis.",
)
@click.option("--keep", is_flag=True, help="Keep data and logs of a good run too.")
def main(kills: int, seed: int | None, policy: str, documents: int, nodes: int, keep: bool) -> None:
    wishes = Wishes(policy, random.randrange(1_000_000) if seed is None else seed, kills, documents, nodes)
    folder = Path(tempfile.mkdtemp(prefix="docledger-chaos-"))
    begun = time.monotonic()

    def say(line: str) -> None:
        click.echo(f"{time.monotonic() - begun:7.1f} s  {line}")

    say(f"seed {wishes.seed}, {policy}, {kills} kills, {documents} documents, {nodes} nodes; {folder}")
    try:
        result = trio.run(run, wishes, folder, say)
    except* Interrupted:
        click.echo(f"stopped; plan, logs and data are in {folder}")
        sys.exit(130)
    except* Missing as missing:
        raise click.ClickException(f"Missing {missing.exceptions[0]}") from None
    (folder / "verdict.json").write_text(details(result))
    for line in wrong(result, folder):
        click.echo(line)
    click.echo(f"how visits ended: {result.outcomes}")
    if result.good and not keep:
        shutil.rmtree(folder)
    else:
        click.echo(f"plan, logs, data and verdict are in {folder}")
    click.echo(json.dumps(summary(wishes, result, time.monotonic() - begun)))
    raise SystemExit(0 if result.good else 1)


def wrong(result: Result, folder: Path) -> Iterator[str]:
    """The first of each kind, and the trail of the first lost saves in the log."""
    verdict = result.verdict
    kinds = {
        "duplicated": verdict.duplicated,
        "out of order": verdict.out_of_order,
        "behind": verdict.behind,
        "missing": verdict.missing,
        "uploads lost": verdict.uploads_lost,
        "not settled": result.unsettled,
        "the log is in doubt": result.doubts,
        "stranded until their own tab came back": result.stranded,
        "auto-saved by two nodes": result.cluster.autosaves.doubled if result.cluster else (),
        "a stray auto-save": result.cluster.autosaves.strays if result.cluster else (),
    }
    for kind, found in kinds.items():
        yield from (f"{kind}: {each}" for each in found[:SHOWN])
    for offer in verdict.lost[:SHOWN]:
        yield f"lost: {offer}"
        yield from trail(folder, offer.key)


def trail(folder: Path, key: str) -> list[str]:
    lines = [
        f"    {log.stem}: {line}"
        for log in sorted(folder.glob("docledger*.log"))
        for line in log.read_text(errors="replace").splitlines()
        if key in line
    ]
    return lines[-TRAIL:]


if __name__ == "__main__":
    main()
