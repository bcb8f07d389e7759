"""Each fault as its victim sees it: a real integrator, a real client."""

from __future__ import annotations

import time

import httpx
import pytest
import trio

from tests.contract.integrator import Integrator
from tests.service import eventually
from tests.standin.killable import Killable
from tests.standin.page import config, page

TEXT = "good night " * 1000


async def saved(server: Killable, ours: Integrator, key: str = "k") -> str:
    """The url of a forcesave."""
    async with page(server.url, config(ours, key)) as ada:
        await ada.type(TEXT)
        assert server.command(c="forcesave", key=key)["error"] == 0
        url: str = ours.wait(key, 6).claims["url"]
        server.command(c="drop", key=key, users=["ada"])
    eventually(lambda: not server.control(do="state")["errands"], "all is told")
    return url


def accepted(server: Killable, status: int) -> list[bool]:
    offers = server.control(do="offers")["offers"]
    return [offer["accepted"] for offer in offers if offer["status"] == status]


async def test_a_download_that_is_refused_or_cut(server: Killable, ours: Integrator) -> None:
    url = await saved(server, ours)
    for kind, told in [("refuse", "without sending"), ("cut", "peer closed"), ("stall", "peer closed")]:
        began = time.monotonic()
        server.control(do="fault", where="download", kind=kind, key="k", seconds=0.3)
        with pytest.raises(httpx.RemoteProtocolError, match=told):
            server.get(url)
        assert (time.monotonic() - began > 0.3) == (kind == "stall")
        assert server.get(url) == TEXT, "once is enough"


async def test_what_comes_before_the_cut(server: Killable, ours: Integrator) -> None:
    url = await saved(server, ours)
    server.control(do="fault", where="download", kind="cut")
    with httpx.stream("GET", url, trust_env=False) as response:
        assert response.headers["Content-Length"] == str(len(TEXT))
        with pytest.raises(httpx.RemoteProtocolError, match=f"received {len(TEXT) // 2} bytes"):
            response.read()


async def test_a_download_that_is_answered_wrongly(server: Killable, ours: Integrator) -> None:
    url = await saved(server, ours)
    server.control(do="fault", where="download", kind="delay", key="another")
    for kind, status in [("error", 503), ("gone", 410), ("garbage", 200), ("delay", 200)]:
        server.control(do="fault", where="download", kind=kind, key="k", seconds=0.1)
        response = server.fetch(url)
        assert (response.status_code, "</html>" in response.text) == (status, kind == "garbage")
    assert server.control(do="state")["faults"] == 1
    assert server.control(do="clear") == {"ok": True}
    assert server.control(do="state")["faults"] == 0


def test_a_command_that_fails(server: Killable) -> None:
    server.control(do="fault", where="command", kind="refuse", key="k")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending"):
        server.command(c="info", key="k")
    server.control(do="fault", where="command", kind="error", key="k", times=2)
    assert server.command(c="info", key="other") == {"key": "other", "error": 1}
    for _ in range(2):
        assert server.post("/command", {"c": "info", "key": "k"}).status_code == 500
    server.control(do="fault", where="command", kind="delay", seconds=0.2)
    began = time.monotonic()
    assert server.command(c="info", key="k") == {"key": "k", "error": 1}
    assert time.monotonic() - began > 0.2


@pytest.mark.parametrize("kind", ["lost", "cut"])
async def test_a_final_callback_that_never_arrives_is_tried_again(
    server: Killable, ours: Integrator, kind: str
) -> None:
    server.control(do="fault", where="callback", kind=kind, statuses=[2])
    with trio.fail_after(30):
        await saved(server, ours)
    assert len(ours.received("k", 2)) == 1
    assert accepted(server, 2) == [False, True]


async def test_a_deaf_server_says_again_what_was_accepted(server: Killable, ours: Integrator) -> None:
    server.control(do="fault", where="callback", kind="deaf", statuses=[2])
    with trio.fail_after(30):
        await saved(server, ours)
    first, again = (each.claims for each in ours.received("k", 2))
    assert first["url"].partition("?")[0] == again["url"].partition("?")[0]
    assert accepted(server, 2) == [False, True]


async def test_a_callback_comes_twice(server: Killable, ours: Integrator) -> None:
    server.control(do="fault", where="callback", kind="duplicate", statuses=[2])
    await saved(server, ours)
    assert len(ours.received("k", 2)) == 2
    assert accepted(server, 2) == [True, True]


async def test_a_callback_is_overtaken(server: Killable, ours: Integrator) -> None:
    server.control(do="fault", where="callback", kind="reorder", statuses=[6], seconds=20)
    async with page(server.url, config(ours)) as ada:
        await ada.type(TEXT)
        assert server.command(c="forcesave", key="k")["error"] == 0
    ours.wait("k", 6)
    assert [each.status for each in ours.received("k")] == [1, 2, 6]


async def test_a_callback_comes_late(server: Killable, ours: Integrator) -> None:
    server.control(do="fault", where="callback", kind="delay", key="k", seconds=3)
    await saved(server, ours)
    assert [each.status for each in ours.received("k")] == [6, 2, 1]


async def test_an_assembly_that_fails(server: Killable, ours: Integrator) -> None:
    server.control(do="fault", where="assembly", kind="fail", statuses=[3])
    server.control(do="fault", where="assembly", kind="corrupt", statuses=[7])
    async with page(server.url, config(ours)) as ada:
        await ada.type(TEXT)
        await ada.say({"type": "save"})
        assert (await ada.hear("warning"))["code"] == -331
        assert server.command(c="forcesave", key="k")["error"] == 3
    assert "url" not in ours.wait("k", 3).claims
    assert server.get(ours.wait("k", 7).claims["url"]) == TEXT


@pytest.mark.parametrize(
    "order",
    [
        {"where": "nowhere", "kind": "cut"},
        {"where": "download", "kind": "lost"},
        {"where": "download", "kind": "cut", "statuses": [2]},
        {"where": "callback", "kind": "cut", "statuses": "2"},
        {"where": "callback", "kind": "cut", "times": 0},
        {"where": "callback", "kind": "cut", "seconds": -1},
        {"where": "callback", "kind": "cut", "key": 5},
        {"where": ["callback"], "kind": "cut"},
    ],
)
def test_orders_that_make_no_sense_are_refused(server: Killable, order: dict[str, object]) -> None:
    response = server.post("/standin/control", {"do": "fault", **order})
    assert (response.status_code, list(response.json())) == (400, ["message"])
    assert server.control(do="state")["faults"] == 0


def test_only_who_knows_the_secret_gives_orders(server: Killable) -> None:
    assert (
        server.post("/standin/control", {"do": "state"}, "another-secret-that-is-long-enough").status_code
        == 403
    )
    for body in (b"", b"[]", b'{"token": 5}', b'"token"'):
        assert httpx.post(f"{server.url}/standin/control", content=body, trust_env=False).status_code == 403
    assert server.post("/standin/control", {"do": "mischief"}).status_code == 400
