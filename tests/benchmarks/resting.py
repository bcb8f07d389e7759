"""What an open document costs while nobody edits it: all that the desk keeps of it is its schedule."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from datetime import UTC, datetime

import trio

from application.alarms import Alarms
from application.nodes import SOLE
from application.schedule import Schedule
from application.sleepers import Sleeper, Sleepers
from application.world import Patience
from domain.keys import document_key, user_id
from infrastructure.ids import new_id
from tests.benchmarks import machine


def kb_each(documents: int) -> float:
    """Of resident memory, in a process that has nothing else to do."""
    command = [sys.executable, "-m", "tests.benchmarks.resting", str(documents)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout)


async def _grown(documents: int) -> float:
    sleepers, patience, now = Sleepers(_never, Alarms()), Patience(), datetime.now(UTC)
    gc.collect()
    before = machine.memory(os.getpid())
    for _ in range(documents):
        key = document_key(user_id("ada"), new_id(now), now)
        schedule = Schedule(key, patience, SOLE)
        schedule.took_up(trio.current_time() + patience.silence, trio.current_time(), edited=False)
        sleepers.lay(key, Sleeper(schedule))
    gc.collect()
    grown = (machine.memory(os.getpid()) - before) / documents
    assert len(sleepers) == documents
    return grown


def _never(key: str) -> None:
    raise AssertionError(f"{key} was not to be woken")


if __name__ == "__main__":
    print(trio.run(_grown, int(sys.argv[1])))
