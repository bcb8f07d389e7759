"""What the command service answers when nobody has opened anything."""

from __future__ import annotations

import time

import httpx
import pytest

from tests.contract.servers import DocumentServer

WRONG = "quite-another-secret-and-just-as-long"


def test_the_server_says_that_it_is_well(document_server: DocumentServer) -> None:
    assert httpx.get(f"{document_server.url}/healthcheck", trust_env=False).text == "true"


def test_it_tells_its_version_on_both_paths(document_server: DocumentServer) -> None:
    answer = document_server.command(c="version")
    assert answer["error"] == 0
    assert answer["version"].split(".")[0].isdigit()
    assert document_server.command("/coauthoring/CommandService.ashx", c="version") == answer


@pytest.mark.parametrize("command", ["info", "forcesave", "getForgotten", "deleteForgotten"])
def test_a_key_it_does_not_know_is_error_1(document_server: DocumentServer, command: str) -> None:
    assert document_server.command(c=command, key="no-such-key") == {"key": "no-such-key", "error": 1}


def test_nobody_can_be_dropped_from_nowhere(document_server: DocumentServer) -> None:
    answer = document_server.command(c="drop", key="no-such-key", users=["ada"])
    assert answer == {"key": "no-such-key", "error": 0}


def test_an_unknown_command_is_error_5(document_server: DocumentServer) -> None:
    assert document_server.command(c="nonsense", key="k") == {"key": "k", "error": 5}
    assert document_server.command(key="k") == {"key": "k", "error": 5}
    assert document_server.command(c="meta", key="k") == {"key": "k", "error": 5}


def test_a_missing_key_is_error_1(document_server: DocumentServer) -> None:
    assert document_server.command(c="info") == {"error": 1}
    assert document_server.command(c="info", key=123) == {"key": 123, "error": 1}


def test_no_token_or_a_bad_one_is_error_6(document_server: DocumentServer) -> None:
    plain = {"c": "version"}
    assert document_server.send(plain)["error"] == 6
    assert document_server.send({"token": document_server.token(plain, WRONG)}) == {"error": 6}
    bad = document_server.token({"payload": plain}, WRONG)
    assert document_server.send(plain, authorization=f"Bearer {bad}")["error"] == 6


def test_an_expired_token_is_error_7_after_a_minute_of_grace(document_server: DocumentServer) -> None:
    long_ago = document_server.token({"c": "version", "exp": int(time.time()) - 3600})
    just_now = document_server.token({"c": "version", "exp": int(time.time()) - 30})
    assert document_server.send({"token": long_ago}) == {"error": 7}
    assert document_server.send({"token": just_now})["error"] == 0


@pytest.mark.parametrize("wrapped", [True, False])
def test_the_token_may_be_in_the_header(document_server: DocumentServer, wrapped: bool) -> None:
    plain = {"c": "version"}
    token = document_server.token({"payload": plain} if wrapped else plain)
    assert document_server.send(plain, authorization=f"Bearer {token}")["error"] == 0


def test_what_the_token_says_wins(document_server: DocumentServer) -> None:
    token = document_server.token({"c": "info", "key": "signed"})
    assert document_server.send({"c": "version", "key": "plain", "token": token}) == {
        "key": "signed",
        "error": 1,
    }


def test_garbage_is_error_6(document_server: DocumentServer) -> None:
    for body in (b"", b"{not json"):
        reply = httpx.post(f"{document_server.url}/command", content=body, trust_env=False)
        assert (reply.status_code, reply.json()) == (200, {"error": 6})
