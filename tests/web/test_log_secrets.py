"""A whole session at `debug` leaves no secret, no token, no signed url and nobody's name in the log."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import trio

from tests.infrastructure.raw_server import says
from tests.service import Service as Process
from tests.web.fake_server import SECRET, STRANGER, FakeServer, envelope, signed
from tests.web.service import AUTH_SECRET, CALLBACK, Service, second, settings, word

OWN = "the secret that signs our own links"
METRICS = "the token of the metrics, long enough"
JWT = re.compile(r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+")
MD5 = re.compile(r"md5=([\w.-]+)")
NAME = "Zaphod"


class Wire:
    """All that was said over it."""

    def __init__(self) -> None:
        self.said: list[str] = []

    async def asked(self, request: httpx.Request) -> None:
        body = await request.aread()
        self.said += [str(request.url), str(request.headers.raw), body.decode("latin-1")]

    async def answered(self, response: httpx.Response) -> None:
        self.said += [str(response.headers.raw), (await response.aread()).decode("latin-1")]

    def secrets(self, server: FakeServer) -> set[str]:
        """Tokens, also by their signature alone, and what signs a url."""
        said = "\n".join([*self.said, *server.tokens])
        tokens = set(JWT.findall(said))
        return tokens | {token.rpartition(".")[2] for token in tokens} | set(MD5.findall(said))


@asynccontextmanager
async def serving(folder: Path, server: FakeServer, wire: Wire, shape: str) -> AsyncIterator[Service]:
    process = Process(
        folder,
        AUTH_SECRET=AUTH_SECRET,
        SECRET=OWN,
        METRICS_TOKEN=METRICS,
        DOCUMENT_SERVER_URL=server.url,
        DOCUMENT_SERVER_SECRET=SECRET,
        AUTOSAVE_SECONDS="0.3",
        CALLBACK_BUDGET_SECONDS="0.5",
        GRACE_SECONDS="0.5",
        LOG_FORMAT=shape,
        LOG_LEVEL="debug",
    )
    hooks = {"request": [wire.asked], "response": [wire.answered]}
    async with httpx.AsyncClient(trust_env=False, timeout=20, event_hooks=hooks) as http:  # type: ignore[arg-type]
        try:
            await trio.to_thread.run_sync(process.start)
            yield Service(process.url, server, http, settings(folder / "unused", server))
        finally:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(process.close)


async def session(service: Service, server: FakeServer) -> tuple[str, str]:
    """The file and the key of one in which much goes well and everything goes wrong."""
    file = await service.add(by=NAME)
    config = (await service.open(file, by=NAME))["config"]
    key = str(config["document"]["key"])
    await service.told(1, key, users=[config["editorConfig"]["user"]["id"]])
    await service.until(lambda: server.asked("forcesave"))
    link = urlsplit(config["document"]["url"])
    await service.get(f"{link.path}?{link.query}", by=None)
    await service.get(f"{link.path}?{link.query}x", by=None)
    await service.offered(6, key, "1", word("Newer."), changesurl=server.fresh("/changes"))
    await service.offered(6, key, "evil", b"<html>", lastsave=second(1))
    for name, reply in (("gone", says("410 Gone")), ("cut", says("200 OK", b"x", length=9))):
        url = server.result(name, reply)
        await service.told(6, key, url=url, filetype="docx", users=["u"], lastsave=second(2))
    await service.told(6, key, url="http://elsewhere.test/a.docx?md5=elsewhere", users=["u"])
    await service.told(6, key, url="http://[broken/a.docx?md5=broken", users=["u"])
    await service.told(6, "a-key-of-others", url=server.result("other", word("x")), users=["u"])
    await wrong_tokens(service, key)
    await service.offered(2, key, "2", word("The last words."), lastsave=second(9))
    return file, key


async def wrong_tokens(service: Service, key: str) -> None:
    claims = {"key": key, "status": 4}
    await service.called(claims, secret=STRANGER)
    headers, _ = envelope(claims)
    await service.http.post(service.url + CALLBACK, headers=headers, content=b"{")
    await service.http.post(service.url + CALLBACK, json={"token": signed(claims, age=4000)})
    for token in (METRICS, f"{METRICS}x", signed({"sub": NAME}), signed({"sub": NAME}, AUTH_SECRET)):
        bearer = {"Authorization": f"Bearer {token}", "Cookie": f"token={token}"}
        await service.get("/metrics", by=None, headers=bearer)
        await service.get(f"/nowhere/{token}?token={token}", by=None, headers=bearer)
        await service.get(f"/api/documents/{token}", by=NAME)


@pytest.mark.parametrize("shape", ["json", "console"])
async def test_nothing_that_was_secret_on_the_wire_is_in_the_log(
    tmp_path: Path, server: FakeServer, shape: str
) -> None:
    wire = Wire()
    async with serving(tmp_path, server, wire, shape) as service:
        file, key = await session(service, server)
    log = await trio.Path(tmp_path / "serve.log").read_text()
    secrets = wire.secrets(server)
    assert len(secrets) > 40, "there was much to hide"
    found = {each for each in (*secrets, SECRET, AUTH_SECRET, OWN, METRICS, STRANGER, NAME) if each in log}
    assert not found
    assert all(said in log for said in (file, key, "attempt 1", "unknown key", "security: refused"))
    if shape == "json":
        _tell_what_they_are_about([json.loads(line) for line in log.splitlines()], file, key)


def _tell_what_they_are_about(lines: list[dict[str, Any]], file: str, key: str) -> None:
    assert all({"time", "level", "logger", "event"} <= line.keys() for line in lines)
    requests = [line for line in lines if line["logger"] == "web.requests"]
    assert len({line["request"] for line in requests}) == len(requests)
    assert {line["key"] for line in lines if line["logger"] == "application.fetching"} >= {key}
    assert not any("request" in line for line in lines if line["logger"] == "application.fetching")
    loads = [line for line in requests if line["route"] == "/api/onlyoffice/file/{id}"]
    assert {line["file"] for line in loads} == {file}
    callbacks = [line for line in requests if line["path"] == CALLBACK and line.get("key") == key]
    assert len(callbacks) > 8
    (config,) = [line for line in requests if line["route"] == "/api/onlyoffice/config/{id}"]
    assert (config["file"], len(config["user"])) == (file, 26)
