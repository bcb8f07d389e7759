"""deploy/haproxy.cfg before nodes on this machine, without TLS."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from tests.benchmarks.processes import Server, running

CONFIG = Path(__file__).parents[2] / "deploy" / "haproxy.cfg"
CHECK = "option httpchk GET /healthz"


@contextmanager
def balancer(folder: Path, port: int, nodes: Sequence[str]) -> Iterator[Server]:
    """`nodes` are their urls, which need not answer yet."""
    program = shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin") or shutil.which("haproxy")
    if program is None:
        raise click.ClickException("No HAProxy here (Debian: apt install haproxy).")
    path = folder / "haproxy.cfg"
    path.write_text(config(port, nodes))
    with running("haproxy", [program, "-db", "-f", str(path)], folder, port=port) as server:
        yield server


def config(port: int, nodes: Sequence[str]) -> str:
    text = re.sub(r"bind :443 .*", f"bind 127.0.0.1:{port}", CONFIG.read_text())
    text = text.replace("X-Forwarded-Proto https", "X-Forwarded-Proto http")
    text = text.replace(
        CHECK, f"{CHECK} HTTP/1.1\n    http-check send hdr Host 127.0.0.1:{port}"
    )  # for the demo
    text, own = re.subn(r"\n +server node\d .*", "", text)
    assert own, "the example has nodes of its own"
    lines = (f"    server node{n} {url.removeprefix('http://')}\n" for n, url in enumerate(nodes, start=1))
    return text.rstrip() + "\n" + "".join(lines)
