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
from urllib.parse import urlsplit

from infrastructure.tokens import user_token
from tests.contract.word import docx, paragraph
from tests.service import Service, running

CONFIG = Path(__file__).with_name("schemathesis.toml")
ROOT = CONFIG.parent.parent.parent
COMMAND = str(Path(sys.executable).with_name("schemathesis"))
AUTH_SECRET = "whoever signs our users in, secretly"
USUAL = {"RATE_LIMIT": "off", "CALLBACK_LIMIT": "off", "CALLBACK_REPLY": "durable", "LOG_LEVEL": "warning"}
KINDS: Mapping[str, tuple[dict[str, str], str | None]] = {  # settings, and the role to sign in with
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
LONGEST = 6 * 3600  # seconds, for one run and for who asks in it
THERE = """
[dictionaries]
files.values = {files}
keys.values = {keys}

[parameters]
"path.id" = {{ dictionary = "files", probability = 0.7 }}
"path.key" = {{ dictionary = "keys", probability = 0.7 }}
"query.file" = {{ dictionary = "files", probability = 0.5 }}
"query.key" = {{ dictionary = "keys", probability = 0.5 }}

[[operations]]
include-operation-id = "getLinkedFile"
parameters = {{ "path.id" = "{linked}" }}

[auth.openapi]
fileLink = {{ api_key = "{token}" }}
"""


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
        config, report = folder / "schemathesis.toml", folder / "report.json"
        config.write_text(CONFIG.read_text() + _what_is_there(service, headers))
        done = subprocess.run(
            [
                *(COMMAND, "--config-file", str(config)),
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
    assert report.exists(), done.stdout + done.stderr
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
    """Files that nobody but eve can delete; the demo has its samples."""
    for name, content in FILES.items():
        eve = _signed_in("eve", "user")
        added = service.client.post("/api/files", headers=eve, files={"file": (name, content)}).json()
        shared = {"shares": {"*": "edit"}}
        assert service.client.patch(f"/api/files/{added['id']}", headers=eve, json=shared).is_success


def _what_is_there(service: Service, headers: Mapping[str, str]) -> str:
    """Ids to ask for now and then; nobody would guess them."""
    who = headers or _signed_in("eve", "user")
    files = service.client.get("/api/files", headers=who).json()["files"]
    opened = [service.client.get(f"/api/onlyoffice/config/{file['id']}", headers=who) for file in files]
    documents = [answer.json()["config"]["document"] for answer in opened if answer.is_success]
    link = urlsplit(documents[0]["url"])
    return THERE.format(
        files=json.dumps([file["id"] for file in files]),
        keys=json.dumps([document["key"] for document in documents]),
        linked=link.path.rpartition("/")[2],
        token=link.query.removeprefix("token="),
    )


def _signed_in(user: str, role: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {user_token(AUTH_SECRET, user, role, LONGEST)}"}


def _environment() -> dict[str, str]:
    """Nothing leaves this machine."""
    own = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    return {**own, "NO_PROXY": "*", "PYTHONPATH": str(ROOT)}
