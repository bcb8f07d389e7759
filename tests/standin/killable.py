"""A stand-in process with a folder and a control endpoint, that can be killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import jwt

from tests.ports import free_port

SECRET = "a-secret-that-is-long-enough-for-hs256"
STARTING = 20.0  # seconds


class Killable:
    def __init__(self, folder: Path, save_delay: float = 0.1) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{free_port()}"
        self.command_line = [sys.executable, "-m", "infrastructure.standin", "--folder", str(folder)]
        self.command_line += ["--control", "--save-delay", str(save_delay)]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        command = [*self.command_line, "--port", self.url.rpartition(":")[2]]
        environment = {**os.environ, "STANDIN_SECRET": SECRET}
        self._process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
        deadline = monotonic() + STARTING
        while not self._answers():
            assert self._process.poll() is None, "the stand-in did not start"
            assert monotonic() < deadline, "the stand-in does not listen"
            sleep(0.05)  # another process: its answer is all there is to wait on

    def kill(self) -> str:
        """What it had said."""
        assert self._process
        self._process.kill()
        return self._process.communicate(timeout=10)[1].decode()

    def freeze(self) -> None:
        """It neither reads nor answers any more, as a machine that is about to die."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def command(self, **claims: object) -> dict[str, Any]:
        answer: dict[str, Any] = self.post("/command", claims).json()
        return answer

    def control(self, **claims: object) -> dict[str, Any]:
        answer: dict[str, Any] = self.post("/standin/control", claims).json()
        return answer

    def get(self, url: str) -> str:
        return self.fetch(url).raise_for_status().text

    def fetch(self, url: str) -> httpx.Response:
        return httpx.get(url, trust_env=False, timeout=30)

    def post(self, path: str, claims: dict[str, Any], secret: str = SECRET) -> httpx.Response:
        token = jwt.encode(claims, secret, "HS256")
        return httpx.post(self.url + path, json={"token": token}, trust_env=False, timeout=30)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthcheck", trust_env=False).text == "true"
        except httpx.TransportError:
            return False
