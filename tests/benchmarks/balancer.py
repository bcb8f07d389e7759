"""A HAProxy with deploy/haproxy.cfg before the nodes that are measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from tests.balancer import configuration, haproxy
from tests.benchmarks.processes import Server, running


@contextmanager
def balancer(folder: Path, port: int, nodes: Sequence[str]) -> Iterator[Server]:
    """`nodes` are their urls, which need not answer yet."""
    program = haproxy()
    if program is None:
        raise click.ClickException("No HAProxy here (Debian: apt install haproxy).")
    path = folder / "haproxy.cfg"
    path.write_text(configuration(port, [url.removeprefix("http://") for url in nodes]))
    with running("haproxy", [program, "-db", "-f", str(path)], folder, port=port) as server:
        yield server
