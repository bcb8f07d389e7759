"""The service as a user starts it: the `docledger` command, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import jwt

from tests.ports import free_port

COMMAND = str(Path(sys.executable).with_name("docledger"))
STARTING = 30.0  # seconds


def eventually(condition: Callable[[], Any], what: str | Callable[[], str], seconds: float = 20.0) -> Any:
    """What the condition comes to, as soon as it is true; `what` it is may be asked for when it is not."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.05)  # another process is waited for
    raise AssertionError(f"not within {seconds:g} s: {what if isinstance(what, str) else what()}")


class Service:
    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.url = f"http://127.0.0.1:{free_port()}"
        self._settings = {
            "DOCLEDGER_PORT": self.url.rpartition(":")[2],
            "DOCLEDGER_DATA_DIR": str(self.data),
            **{f"DOCLEDGER_{name}": value for name, value in settings.items()},
        }
        self._process: subprocess.Popen[bytes] | None = None
        self.client = httpx.Client(base_url=self.url, trust_env=False, timeout=20)

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    @property
    def environment(self) -> dict[str, str]:
        ours = {name: value for name, value in os.environ.items() if not name.startswith("DOCLEDGER_")}
        return {**ours, "PYTHONFAULTHANDLER": "1", **self._settings}

    def start(self) -> None:
        with (self.folder / "serve.log").open("ab") as log:
            self._process = subprocess.Popen(
                [COMMAND, "serve"], cwd=self.folder, env=self.environment, stdout=log, stderr=log
            )
        eventually(self._healthy, self._stuck, STARTING)

    def kill(self) -> None:
        assert self._process
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        assert self._process
        self._process.terminate()
        return self._process.wait(30)

    def close(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(30)
        with suppress(OSError, ValueError):  # the stand-in outlives a killed service
            os.kill(json.loads((self.data / "standin.json").read_text())["pid"], signal.SIGKILL)
        self.client.close()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def standin_process(self) -> Any:
        """Its url, secret and pid; None while it says nothing."""
        with suppress(FileNotFoundError):
            return json.loads((self.data / "standin.json").read_text())

    def standin(self, command: str) -> Any:
        """The stand-in's answer to a command that we sign in the service's place."""
        found = self.standin_process()
        token = jwt.encode({"c": command}, found["secret"], "HS256")
        answer = httpx.post(f"{found['url']}/command", json={"token": token}, trust_env=False)
        return answer.json()

    def log(self) -> str:
        return (self.folder / "serve.log").read_text()[-4000:]

    def _stuck(self) -> str:
        """What all its threads do instead of answering; this ends it."""
        assert self._process
        self._process.send_signal(signal.SIGABRT)
        self._process.wait(30)
        return f"the service is up, see {self.log()}"

    def _healthy(self) -> bool:
        assert self._process
        assert self._process.poll() is None, self.log()
        try:
            return self.client.get("/healthz").is_success
        except httpx.TransportError:
            return False

    # -- what a client asks ---------------------------------------------------------------------------

    def get(self, path: str) -> Any:
        response = self.client.get(path)
        assert response.is_success, f"{path}: {response.status_code} {response.text}"
        return response.json()

    def file(self, name: str) -> dict[str, Any]:
        return next(file for file in self.get("/api/files")["files"] if file["name"] == name)

    def versions(self, file: str) -> list[dict[str, Any]]:
        versions: list[dict[str, Any]] = self.get(f"/api/files/{file}/versions")["versions"]
        return versions

    def content(self, file: str, number: int) -> bytes:
        return self.client.get(f"/api/files/{file}/versions/{number}/content").content

    def key(self, file: str) -> str:
        key: str = self.get(f"/api/onlyoffice/config/{file}")["config"]["document"]["key"]
        return key

    def types(self, key: str) -> list[str]:
        return [event["type"] for event in self.get(f"/api/documents/{key}/events")["events"]]

    def document(self, key: str) -> dict[str, Any]:
        document: dict[str, Any] = self.get(f"/api/documents/{key}")
        return document


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[Service]:
    service = Service(folder, **settings)
    try:
        service.start()
        yield service
    finally:
        service.close()
