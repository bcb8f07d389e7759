"""Callbacks as a Document Server signs them, written down in advance: a file for each connection."""

from __future__ import annotations

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SECRET = "the secret of the benchmarks' Document Server"
TOKEN_SECONDS = 300
HEADER = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"  # {"alg":"HS256","typ":"JWT"}


def presence(key: str, phase: str, count: int, secret: str = SECRET) -> Iterator[str]:
    """Callbacks of status 1 that each change who is there; no two are the same, as from a server."""
    for number in range(count):
        users = [phase, "guest"][: 1 + number % 2]
        actions = [{"type": 1, "userid": users[-1]}]
        claims = {"key": key, "status": 1, "users": users, "actions": actions, "userdata": str(number)}
        yield line(claims, secret)


def saves(key: str, server: str, phase: str, count: int, secret: str = SECRET) -> Iterator[str]:
    """Callbacks of status 6, each with a new result: its path is new, and so are its bytes."""
    for number in range(count):
        result = f"{server}/cache/files/data/{key}_{phase}_{number}"
        query = f"?md5=k8Yq0ZbXhVt3mC1rQw7n2A&expires={int(time.time()) + 900}"
        now = datetime.now(UTC)
        change = {
            "documentSha256": "07f1e7733de6bf5d1975d6f2bd1e394a36fe2fbf919c48deb3128339bc290769",
            "created": f"{now:%Y-%m-%d %H:%M:%S}",
            "user": {"id": "ada", "name": "Ada"},
        }
        claims = {
            "key": key,
            "status": 6,
            "url": f"{result}/output.docx/output.docx{query}&filename=output.docx",
            "changesurl": f"{result}/changes.zip/changes.zip{query}&filename=changes.zip",
            "history": {"serverVersion": "9.3.0", "changes": [change]},
            "users": ["ada"],
            "actions": [{"type": 2, "userid": "ada"}],
            "lastsave": f"{now:%Y-%m-%dT%H:%M:%S}.000Z",
            "forcesavetype": 0,
            "filetype": "docx",
        }
        yield line(claims, secret)


def written(folder: Path, connections: Sequence[Iterable[str]], paths: Sequence[str] = ()) -> Path:
    """The folder that load.lua reads; `paths` are each connection's, where they differ."""
    folder.mkdir()
    for number, lines in enumerate(connections):
        path = paths[number] if paths else ""
        (folder / str(number)).write_text("".join(f"{path}\t{line}\n" for line in lines))
    return folder


def line(claims: Mapping[str, Any], secret: str = SECRET) -> str:
    """`bearer <tab> body`: signed twice, as servers do by default."""
    body = json.dumps({**claims, "token": _signed(claims, secret)})
    return f"{_signed({'payload': claims}, secret)}\t{body}"


def _signed(claims: Mapping[str, Any], secret: str) -> str:
    """HS256 by hand: a library takes longer over thousands of them than the loads that they are for."""
    now = int(time.time())
    timed = {**claims, "iat": now, "exp": now + TOKEN_SECONDS}
    message = f"{HEADER}.{_base64url(json.dumps(timed, separators=(',', ':')).encode())}"
    return f"{message}.{_base64url(hmac.digest(secret.encode(), message.encode(), 'sha256'))}"


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
