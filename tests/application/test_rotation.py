"""While the Document Server's secret changes, it is asked with the one it takes, and no question is lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from application.ports import DISTRUSTED, Answer, Blob, Code, ConversionFailed
from application.rotation import Rotating
from application.trust import FRESH, Trust
from infrastructure.signatures import Secrets

OURS, OTHER = "the secret we were given last" * 2, "the secret of before, or of after" * 2


@dataclass
class Server:
    """Takes what is signed with one secret, by its place among ours."""

    secrets: Secrets
    takes: int | None = 0
    asked: list[tuple[str, int]] = field(default_factory=list)

    async def command(self, name: str, key: str | None = None, **parameters: Any) -> Answer:
        signed_with = self.secrets.signing
        self.asked.append((name, signed_with))
        await trio.sleep(0.1)
        return Answer(Code.OK if signed_with == self.takes else Code.BAD_TOKEN, {})

    async def convert(self, url: str, *, filetype: str, outputtype: str, key: str, title: str = "") -> str:
        signed_with = self.secrets.signing
        self.asked.append(("convert", signed_with))
        if signed_with != self.takes:
            raise ConversionFailed(DISTRUSTED)
        if filetype == outputtype:
            raise ConversionFailed(-3)
        return f"{url}.{outputtype}"

    async def fetch(self, url: str) -> Blob:
        return Blob(url, 1)


@pytest.fixture
def server() -> Server:
    return Server(Secrets(OURS, OTHER))


async def test_the_secret_that_is_taken_is_asked_with_once(server: Server, autojump_clock: MockClock) -> None:
    assert (await Rotating(server, server.secrets).command("version")).error == Code.OK
    assert server.asked == [("version", 0)]


async def test_a_server_that_changes_later_or_earlier_is_asked_again_and_remembered(
    server: Server, autojump_clock: MockClock
) -> None:
    rotating = Rotating(server, server.secrets)
    for takes in (1, 0, 1):
        server.takes, server.asked = takes, []
        assert (await rotating.command("forcesave", "k")).error == Code.OK
        assert (await rotating.command("info", "k")).error == Code.OK
        assert server.asked == [("forcesave", 1 - takes), ("forcesave", takes), ("info", takes)]
        assert server.secrets.signing == takes, "editors are given what is signed with it, too"


async def test_a_crowd_that_is_refused_at_once_turns_once(server: Server, autojump_clock: MockClock) -> None:
    rotating, answers = Rotating(server, server.secrets), []
    server.takes = 1

    async def ask() -> None:
        answers.append((await rotating.command("forcesave", "k")).error)

    async with trio.open_nursery() as nursery:
        for _ in range(9):
            nursery.start_soon(ask)
    assert answers == [Code.OK] * 9
    assert server.secrets.signing == 1


async def test_a_server_that_takes_neither_is_heard(server: Server, autojump_clock: MockClock) -> None:
    server.takes = None
    assert (await Rotating(server, server.secrets).command("version")).error == Code.BAD_TOKEN
    assert server.asked == [("version", 0), ("version", 1)]
    assert server.secrets.signing == 0


async def test_one_secret_is_asked_with_once(autojump_clock: MockClock) -> None:
    for secrets in (Secrets(OURS), Secrets(OURS, OURS), Secrets()):
        server = Server(secrets, takes=None)
        assert (await Rotating(server, secrets).command("version")).error == Code.BAD_TOKEN
        assert len(server.asked) == 1


async def test_a_conversion_is_asked_for_again_only_when_the_signature_was_refused(server: Server) -> None:
    rotating = Rotating(server, server.secrets)
    server.takes = 1
    assert await rotating.convert("u", filetype="doc", outputtype="docx", key="k") == "u.docx"
    assert server.asked == [("convert", 0), ("convert", 1)]
    with pytest.raises(ConversionFailed):
        await rotating.convert("u", filetype="doc", outputtype="doc", key="k")
    assert server.asked[2:] == [("convert", 1)]


async def test_bytes_are_fetched_as_ever(server: Server) -> None:
    assert (await Rotating(server, server.secrets).fetch("u")).sha256 == "u"


async def test_before_an_editor_is_given_anything_the_server_has_said_which_it_takes(
    server: Server, autojump_clock: MockClock
) -> None:
    trust = Trust(Rotating(server, server.secrets), rotating=True)
    server.takes, signed = 1, []

    async def open_() -> None:
        assert await trust.settled()
        signed.append(server.secrets.signing)

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(open_)
    assert signed == [1] * 5, "whoever came meanwhile waited for the answer"
    assert server.asked == [("version", 0), ("version", 1)]
    server.takes = 0
    await trio.sleep(FRESH)
    await open_()
    assert signed[-1] == 0
