"""How long a stand-in process lives, and where it says that it does."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from pathlib import Path

import trio

from .running import RunningStandin

CHECK = 1.0


def write_state(path: Path, running: RunningStandin) -> None:
    """Atomically, and readable by the owner only: it holds the secret."""
    state = {"url": running.url, "secret": running.secret, "pid": os.getpid()}
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        draft.unlink()
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(state, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def remove_state(path: Path) -> None:
    """Unless another stand-in has written it since."""
    with suppress(FileNotFoundError, ValueError, KeyError):
        if json.loads(path.read_text())["pid"] == os.getpid():
            path.unlink()


async def heed_signals(
    running: RunningStandin, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for _number in signals:
            running.stop()


async def outlive(running: RunningStandin, parent: int, linger: float) -> None:
    """Stop when the parent is gone and no page has been open for `linger` seconds."""
    standin = running.standin
    quiet_since = trio.current_time()
    while True:
        await trio.sleep(min(CHECK, linger))
        if standin.inboxes or is_alive(parent):
            quiet_since = trio.current_time()
        if trio.current_time() - max(quiet_since, standin.quiet_since) >= linger:
            running.stop()
            return


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
