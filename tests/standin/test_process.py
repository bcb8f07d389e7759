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

from infrastructure import standin_process
from infrastructure.standin import StandinConfig, serve
from tests.contract.integrator import integrator
from tests.standin.page import config, page

MODULE = [sys.executable, "-m", "infrastructure.standin"]


async def test_it_runs_in_a_nursery(nursery: trio.Nursery) -> None:
    running = await nursery.start(serve, StandinConfig(jwt=False))
    async with httpx.AsyncClient(base_url=running.url, trust_env=False) as client:
        assert (await client.get("/healthcheck")).text == "true"
        script = await client.get("/web-apps/apps/api/documents/api.js")
        page = await client.get("/web-apps/apps/api/standin/editor.html")
        answer = await client.get("/coauthoring/CommandService.ashx", params={"c": "info", "key": "k"})
        assert (await client.get("/web-apps/apps/api/documents/other.js")).status_code == 404
        assert (await client.post("/standin/control")).status_code == 404
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


FIND_OR_START = (
    "import sys, trio; from pathlib import Path; from infrastructure.standin_process import find_or_start; "
    "trio.run(find_or_start, Path(sys.argv[1]))"
)


async def found_or_started(folder: Path) -> standin_process.Standin:
    """By a demo that ends at once: the stand-in outlives it."""
    await trio.run_process([sys.executable, "-c", FIND_OR_START, str(folder)])
    return standin_process.Standin(**json.loads((folder / "standin.json").read_text()))


async def test_the_demo_finds_its_open_documents_after_a_kill(tmp_path: Path) -> None:
    with trio.fail_after(60):
        first = await found_or_started(tmp_path)
        with integrator(first.secret, b"night") as ours:
            async with page(first.url, config(ours)) as ada:
                await ada.type("good night")
                os.kill(first.pid, signal.SIGKILL)
            second = await found_or_started(tmp_path)
            assert (second.url, second.secret) == (first.url, first.secret)
            async with page(second.url, config(ours)) as ada:
                assert ada.text == "good night"
            await standin_process.stop(second)
            assert [each.status for each in ours.received("k")] == [1, 1, 2]
