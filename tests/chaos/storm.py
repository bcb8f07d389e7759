"""A run as its users start it, for tests: what it told at the end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
TIDYING = 60  # seconds


def storm(seconds: float, *arguments: str) -> dict[str, Any]:
    """One that takes longer is told to stop, and leaves nothing running."""
    command = [sys.executable, "-m", "tests.chaos", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            said, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGTERM)
            said, _ = process.communicate(timeout=TIDYING)
        finally:
            process.kill()
    assert process.returncode == 0, said
    told: dict[str, Any] = json.loads(said.splitlines()[-1])
    return told
