"""deploy/haproxy.cfg before nodes on this machine, without TLS."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

CONFIG = Path(__file__).parent.parent / "deploy" / "haproxy.cfg"
CHECK = "option httpchk GET /healthz"


def haproxy() -> str | None:
    """On Debian it is in nobody's path but root's."""
    return shutil.which("haproxy", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")


def configuration(port: int, nodes: Sequence[str]) -> str:
    """As whoever installs it would change it; `nodes` are their addresses, with ports."""
    text = CONFIG.read_text()
    servers = (f"\n    server node{number} {address}" for number, address in enumerate(nodes, start=1))
    for ours, theirs in {
        r"bind :443 .*": f"bind 127.0.0.1:{port}",
        "X-Forwarded-Proto https": "X-Forwarded-Proto http",
        CHECK: f"{CHECK} HTTP/1.1\n    http-check send hdr Host 127.0.0.1",  # the demo wants to be called so
        r"(\n +server node\d .*)+": "".join(servers),
    }.items():
        text, changed = re.subn(ours, theirs, text)
        assert changed == 1, f"{ours} is not there once"
    return text
