"""Whatever becomes of a pytest, nothing that it started stays behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engines.kept import kept
from tests.engines.process import Dead
from tests.service import eventually

pytestmark = pytest.mark.scale
ROOT = Path(__file__).parent.parent.parent

# A process of its own that has started one, which has another, asleep, that ran away from its session.
STARTS = """
import sys, time
from pathlib import Path
from tests.engines.kept import kept
with kept("test") as engine:
    also = Path(sys.argv[1])
    also.touch()
    command = ["sh", "-c", "setsid sleep 600 & echo $!; kill -STOP $!; sleep 600"]
    process = engine.start(command, engine.folder / "log", leaves=[str(also)])
    process.until(lambda: process.log.read_text().strip())
    print(engine.folder, process.pid, process.log.read_text().strip(), flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_processes_and_folders_die_with_whoever_started_them(tmp_path: Path, end: signal.Signals) -> None:
    also = tmp_path / "also"
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTS, str(also)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert starter.stdout
    folder, *pids = starter.stdout.readline().split()
    left = [Path(folder), also, *(Path("/proc", pid) for pid in pids)]
    assert all(path.exists() for path in left)
    starter.send_signal(end)
    starter.wait(20)
    starter.stdout.close()
    eventually(lambda: not any(path.exists() for path in left), "everything is gone")


def test_what_ends_too_soon_is_told_with_its_last_words() -> None:
    with kept("test") as engine:
        with pytest.raises(Dead, match="alas"):
            engine.start(["sh", "-c", "echo alas; exit 1"], engine.folder / "log").until(lambda: False)
        with pytest.raises(Dead, match="No such file"):
            engine.start(["not-a-program"], engine.folder / "log")
