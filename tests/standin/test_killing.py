"""A stand-in that is really killed, with pages on real sockets."""

from __future__ import annotations

import subprocess

import pytest
import trio

from tests.contract.integrator import Integrator
from tests.service import eventually
from tests.standin.killable import Killable
from tests.standin.page import config, page


async def test_no_acknowledged_change_is_lost_by_a_kill(server: Killable, ours: Integrator) -> None:
    typed = "night"
    with trio.fail_after(60):
        for life in range(5):
            async with page(server.url, config(ours)) as ada:
                assert ada.text.startswith(typed)
                for number in range(20 + life):
                    await ada.type(f"{ada.text}\nline {number} of life {life}")
                typed = ada.text
                await ada.say({"type": "text", "text": f"{typed}\nunheard", "ground": ada.number})
                server.kill()
            server.start()
        assert server.control(do="state")["rooms"]["k"] == {"phase": "open", "users": [], "unsaved": True}
        async with page(server.url, config(ours)) as ada:
            typed = ada.text
        final = ours.wait("k", 2).claims
    assert server.get(final["url"]) == typed
    assert typed.count("line") == sum(range(20, 25))
    assert (final["notmodified"], len(ours.fetches)) == (None, 1)


async def test_a_url_is_good_after_a_kill_and_the_final_callback_comes_again(
    server: Killable, ours: Integrator
) -> None:
    with trio.fail_after(60):
        async with page(server.url, config(ours)) as ada:
            await ada.type("good night")
            server.command(c="forcesave", key="k")
            saved = ours.wait("k", 6).claims
            await ada.type("good night, Ada")
            server.control(do="fault", where="callback", kind="delay", statuses=[2], seconds=600)
        eventually(lambda: not server.control(do="state")["faults"], "the callback is held back")
        server.kill()
        server.start()
        assert server.get(saved["url"]) == "good night"
        final = ours.wait("k", 2).claims
        assert server.get(final["url"]) == "good night, Ada"
        eventually(lambda: not server.control(do="state")["errands"], "the answer is heeded")
    offers = server.control(do="offers")["offers"]
    assert [(each["status"], each["accepted"]) for each in offers] == [(6, True), (2, True)]
    kept = [(server.folder / "offered" / each["sha256"]).read_bytes() for each in offers]
    assert kept == [b"good night", b"good night, Ada"]


async def test_who_asked_for_which_forcesave_is_remembered(server: Killable, ours: Integrator) -> None:
    async with page(server.url, config(ours)) as ada:
        await ada.type("good night")
        eventually(lambda: server.command(c="forcesave", key="k")["error"] == 0, "there is something to save")
        ours.wait("k", 6)
    server.control(do="fault", where="command", kind="error", key="k")
    with pytest.raises(ValueError, match="Expecting value"):
        server.command(c="forcesave", key="k")
    server.kill()
    server.start()
    server.command(c="forcesave", key="unheard of")
    server.command(c="version")
    noted = server.control(do="forcesaves")["forcesaves"]
    assert [(each["key"], each["error"]) for each in noted[-3:]] == [("k", 0), ("k", None), ("unheard of", 1)]
    assert {each["host"] for each in noted} == {server.url.removeprefix("http://")}
    assert [each["at"] for each in noted] == sorted(each["at"] for each in noted)


def test_two_of_them_do_not_share_a_folder(server: Killable) -> None:
    command = [*server.command_line, "--port", "0"]
    second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode
    assert "database is locked" in second.stderr
