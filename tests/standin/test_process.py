"""The stand-in as the demo runs it: a process that says where it is and leaves nothing unsaved."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import trio

from infrastructure.standin import StandinConfig, serve

MODULE = [sys.executable, "-m", "infrastructure.standin"]


async def test_it_runs_in_a_nursery(nursery: trio.Nursery) -> None:
    running = await nursery.start(serve, StandinConfig(jwt=False))
    async with httpx.AsyncClient(base_url=running.url, trust_env=False) as client:
        assert (await client.get("/healthcheck")).text == "true"
        script = await client.get("/web-apps/apps/api/documents/api.js")
        page = await client.get("/web-apps/apps/api/standin/editor.html")
        answer = await client.get("/coauthoring/CommandService.ashx", params={"c": "info", "key": "k"})
        assert (await client.get("/web-apps/apps/api/documents/other.js")).status_code == 404
    assert "DocEditor" in script.text
    assert "frame-ancestors" not in page.headers["Content-Security-Policy"]
    assert answer.json() == {"key": "k", "error": 1}, "without JWT the plain parameters count"
    running.stop()


async def test_it_says_where_it_is_and_ends_when_told(tmp_path: Path) -> None:
    state = tmp_path / "standin.json"
    environment = {**os.environ, "STANDIN_SECRET": "s" * 40}
    command = [*MODULE, "--state-file", str(state)]
    with trio.fail_after(30):
        process = await trio.lowlevel.open_process(command, env=environment, stderr=subprocess.PIPE)
        assert process.stderr is not None
        assert b"Stand-in Document Server on http" in await process.stderr.receive_some()
        told = json.loads(state.read_text())
        assert stat.S_IMODE(state.stat().st_mode) == 0o600
        assert (told["pid"], told["secret"]) == (process.pid, "s" * 40)
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    assert not state.exists()
