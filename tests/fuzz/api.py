"""schemathesis against a running service: all that `/openapi.json` describes, asked for and violated."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infrastructure.tokens import user_token
from tests.contract.word import docx, paragraph
from tests.service import Service, running

HERE = Path(__file__).parent
COMMAND = str(Path(sys.executable).with_name("schemathesis"))
AUTH_SECRET = "whoever signs our users in, secretly"
USUAL = {"RATE_LIMIT": "off", "CALLBACK_REPLY": "durable", "LOG_LEVEL": "warning"}
KINDS: Mapping[str, tuple[dict[str, str], str | None]] = {
    "a user": ({"AUTH_SECRET": AUTH_SECRET}, "user"),
    "an auditor and admin": ({"AUTH_SECRET": AUTH_SECRET}, "auditor admin"),
    "nobody": ({"AUTH_SECRET": AUTH_SECRET}, None),
    "the demo": ({}, None),
}
FILES = {
    "Plan.docx": docx(paragraph("The first words.")),
    "Notes.txt": b"words\n",
    "Empty.csv": b"",
    "Picture.png": b"\x89PNG\r\n\x1a\n",
}
LONGEST = 3600  # seconds


@dataclass(frozen=True, slots=True)
class Outcome:
    inputs: int
    failures: int
    said: str
    log: str  # of the service

    @property
    def crashes(self) -> list[str]:
        return re.findall(r"^.* (?:ERROR|CRITICAL) .*|^Traceback .*", self.log, re.M)


def fuzz(folder: Path, kind: str, *options: str) -> Outcome:
    """One run of schemathesis, as one of KINDS, against a service of its own."""
    with _service(folder, kind) as (service, headers):
        report = folder / "report.json"
        done = subprocess.run(
            [
                *(COMMAND, "--config-file", str(HERE / "schemathesis.toml")),
                *("run", f"{service.url}/openapi.json", "--url", service.url, "--no-color"),
                *(f"--header={name}: {value}" for name, value in headers.items()),
                *("--report", "json", "--report-json-path", str(report), *options),
            ],
            env=_environment(),
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
        log = (folder / "serve.log").read_text()
    cases = json.loads(report.read_text())["test_cases"]
    return Outcome(cases["generated"], cases["unique_failures"], done.stdout + done.stderr, log)


@contextmanager
def _service(folder: Path, kind: str) -> Iterator[tuple[Service, dict[str, str]]]:
    settings, role = KINDS[kind]
    with running(folder, **USUAL, **settings) as service:
        if settings:
            _fill(service)
        yield service, _signed_in("ada", role) if role else {}


def _fill(service: Service) -> None:
    """The demo has its samples."""
    for user in ("ada", "eve"):
        for name, content in FILES.items():
            added = service.client.post(
                "/api/files", headers=_signed_in(user, "user"), files={"file": (name, content)}
            )
            assert added.status_code == 201, added.text


def _signed_in(user: str, role: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {user_token(AUTH_SECRET, user, role, LONGEST)}"}


def _environment() -> dict[str, str]:
    """Nothing leaves this machine."""
    own = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    return {**own, "NO_PROXY": "*", "PYTHONPATH": str(HERE.parent.parent)}
