"""`make bench`: measures each part, prints tables and, last, one line of JSON.

    python -m tests.benchmarks [--parts http,sse,…] [--peer peer.json] [--documents 100000]

What the figures mean, and how to read them, is in docs/performance.md.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import click

from tests.benchmarks import heavy, machine, over_http, peers, tables
from tests.benchmarks.heavy import Unavailable
from tests.benchmarks.over_http import Told, Wishes
from tests.benchmarks.stores import POSTGRES, SQLITE

Part = Callable[[Path], Mapping[str, float | str]]  # is given a folder of its own

PARTS = ("http", "sse", "replay", "facts", "facts_postgres", "open")


def parts(wishes: Wishes, documents: int) -> Mapping[str, Part]:
    found: list[Part] = [
        partial(over_http.run, wishes=wishes),
        heavy.sse,
        heavy.replayed,
        partial(heavy.facts, engine=SQLITE),
        partial(heavy.facts, engine=POSTGRES),
        partial(heavy.opened, documents=documents),
    ]
    return dict(zip(PARTS, found, strict=True))


def told_by(name: str, part: Part) -> Told:
    """Its figures, or with a word why there are none."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f"docledger-bench-{name}-") as folder:
        try:
            told = dict(part(Path(folder)))
        except Unavailable as missing:
            told = {f"skipped_{name}": str(missing)}
        except Exception as failure:  # it costs its own figures, and nobody else's
            traceback.print_exception(failure)
            told = {f"failed_{name}": f"{type(failure).__name__}: {failure}"}
    click.echo(f"{name}: {time.monotonic() - begun:.0f} s", err=True)
    return told


def peer_at(path: str | None) -> peers.Peer | None:
    try:
        return peers.read(Path(path)) if path else None
    except peers.Unfit as unfit:
        raise click.ClickException(f"PEER: {unfit}") from unfit


@click.command()
@click.option("--parts", "names", default=",".join(PARTS), show_default=True)
@click.option("--rounds", default=5, show_default=True, help="Of what is asked over HTTP.")
@click.option("--seconds", default=1, show_default=True, help="For each load.")
@click.option("--connections", default="1,16,64", show_default=True)
@click.option(
    "--budget", default=300, show_default=True, help="Seconds: no round begins that would end later."
)
@click.option("--documents", default=100_000, show_default=True, help="That are open at the start.")
@click.option("--peer", help="A JSON or TOML file that describes another integrator on this machine.")
@click.option("--setting", "settings", multiple=True, help="NAME=VALUE, of ours for what is asked over HTTP.")
def main(
    names: str,
    rounds: int,
    seconds: int,
    connections: str,
    budget: int,
    documents: int,
    peer: str | None,
    settings: Sequence[str],
) -> None:
    numbers = [int(number) for number in connections.split(",")]
    ours = dict(setting.split("=", 1) for setting in settings)
    known = parts(Wishes(rounds, seconds, numbers, budget, peer_at(peer), ours), documents)
    if unknown := {*names.split(",")} - {*known}:
        raise click.BadParameter(f"there is no {', '.join(sorted(unknown))}", param_hint="--parts")
    with tempfile.TemporaryDirectory(prefix="docledger-bench-") as folder:
        told: Told = {**machine.flat(Path(folder)), **{f"setting_{name}": ours[name] for name in ours}}
    for name in names.split(","):
        told |= told_by(name, known[name])
    known_now = {name: _short(value) for name, value in told.items() if not _is_unknown(value)}
    click.echo(tables.markdown(known_now))
    click.echo(json.dumps(known_now))
    sys.exit(any(name.startswith("failed_") for name in told))


def _is_unknown(value: float | str) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _short(value: float | str) -> float | str:
    if isinstance(value, str | int):
        return value
    return round(value) if abs(value) >= 1000 else float(f"{value:.4g}")


if __name__ == "__main__":
    main()
