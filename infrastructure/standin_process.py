"""The stand-in Document Server as a process of its own: found again after a crash of ours, or started."""

from __future__ import annotations

import json
import logging
import os
import secrets
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import trio

logger = logging.getLogger(__name__)

STARTING = 20.0  # seconds until it must listen
STOPPING = 10.0  # seconds for its last saves
POLL = 0.05  # seconds
WATCH = 1.0  # seconds between two looks whether it still runs


class StandinFailed(Exception):
    """The stand-in did not start; the text says where to look."""


@dataclass(frozen=True, slots=True)
class Standin:
    url: str
    secret: str
    pid: int


async def find_or_start(folder: Path) -> Standin:
    """The one that runs for this data folder already, with its open documents, or a new one.

    It outlives a kill of ours, as a real Document Server would. Raises StandinFailed.
    """
    await trio.Path(folder).mkdir(parents=True, exist_ok=True)
    if found := await find(folder):
        return found
    state = folder / "standin.json"
    known = _read(state)
    state.unlink(missing_ok=True)
    secret = known.secret if known else secrets.token_urlsafe(32)
    port = urlsplit(known.url).port if known else 0
    return await _start(folder, state, secret, port or 0)


async def find(folder: Path) -> Standin | None:
    """The one that runs for this data folder, if it answers."""
    known = _read(folder / "standin.json")
    return known if known and await _answers(known) else None


async def _start(folder: Path, state: Path, secret: str, port: int) -> Standin:
    for wanted in (port, 0) if port else (0,):  # the old port, so that open tabs find it again
        process = _launch(folder / "standin.log", state, secret, wanted)
        with trio.move_on_after(STARTING):
            while process.poll() is None:
                started = _read(state)
                if started and started.pid == process.pid and await _answers(started):
                    return started
                await trio.sleep(POLL)
        process.kill()
        await trio.to_thread.run_sync(process.wait)
    raise StandinFailed(f"The stand-in Document Server did not start; {folder / 'standin.log'} says why.")


def _launch(log: Path, state: Path, secret: str, port: int) -> subprocess.Popen[bytes]:
    """In a session of its own: neither Ctrl+C in our terminal nor our death ends it."""
    command = [sys.executable, "-m", "infrastructure.standin", "--state-file", str(state)]
    command += ["--folder", str(log.with_name("standin"))]
    command += ["--host", "127.0.0.1", "--port", str(port), "--parent", str(os.getpid())]
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 (our own module)
            command,
            env={**os.environ, "STANDIN_SECRET": secret},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


class Watch:
    """Starts the stand-in again when it has died: open pages find it at its old address."""

    def __init__(self, folder: Path, standin: Standin) -> None:
        self._folder = folder
        self._standin = standin
        self._stopping = False

    async def keep(self) -> None:
        """For ever, until it is stopped."""
        while not self._stopping:
            await trio.sleep(WATCH)
            if self._stopping or _runs(self._standin.pid):
                continue
            logger.error("the stand-in Document Server has died and is started again")
            url = self._standin.url
            try:
                self._standin = await find_or_start(self._folder)
            except StandinFailed as trouble:
                logger.critical("%s", trouble)
            if self._standin.url != url:
                logger.critical("the stand-in's old port is taken: start Docledger anew")

    async def stop(self) -> None:
        self._stopping = True
        await stop(self._standin)


async def stop(standin: Standin) -> None:
    """Let it deliver what is unsaved, while we still take callbacks; it is gone afterwards."""
    with suppress(ProcessLookupError):
        os.kill(standin.pid, signal.SIGTERM)
        with trio.move_on_after(STOPPING):
            while _alive(standin.pid):  # noqa: ASYNC110 (the kernel tells only who asks)
                await trio.sleep(POLL)
            return
        logger.warning("the stand-in took too long over its last saves and was killed")
        os.kill(standin.pid, signal.SIGKILL)


def _alive(pid: int) -> bool:
    with suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG) == (0, 0)
    os.kill(pid, 0)  # not our child: somebody started it before us
    return True


def _runs(pid: int) -> bool:
    try:
        return _alive(pid)
    except ProcessLookupError:
        return False


def _read(state: Path) -> Standin | None:
    try:
        found = json.loads(state.read_text())
        return Standin(str(found["url"]), str(found["secret"]), int(found["pid"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


async def _answers(standin: Standin) -> bool:
    async with httpx.AsyncClient(trust_env=False, timeout=2) as client:
        try:
            response = await client.get(f"{standin.url}/healthcheck")
        except httpx.HTTPError:
            return False
    return response.status_code == 200 and response.text.strip() == "true"
