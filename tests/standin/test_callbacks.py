"""The callbacks' bodies, their tokens, and which replies count as success."""

from __future__ import annotations

from typing import Any

import jwt
import pytest

from infrastructure.standin import callbacks
from infrastructure.standin.changes import Final, Run
from infrastructure.standin.outbox import Reply, judge
from infrastructure.standin.results import Expired, Forbidden, Missing, Results
from infrastructure.standin.room import Trigger
from infrastructure.standin.store import Store
from tests.standin.test_room import given, session

SECRET = "a-secret-that-is-long-enough-for-hs256"
NOW = 1_800_000_000.0
LINKS = {"url": "http://s/u", "changesurl": "http://s/c"}


def claims_of(token: str) -> dict[str, Any]:
    return jwt.decode(token, SECRET, algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False})


def test_a_final_save_names_the_author_of_the_last_change_and_the_last_to_leave() -> None:
    ada, bob = session("ada"), session("bob")
    room = given(ada, bob)
    room.edit(ada, "one", None, NOW + 0.7)
    fields = callbacks.final(room, Final(2, bob.author, "d"), LINKS, NOW + 9)
    assert fields["users"] == ["ada"]
    assert fields["actions"] == [{"type": 0, "userid": "bob"}]
    assert fields["lastsave"] == "2027-01-15T08:00:00.000Z"
    expected = "key status url changesurl history users actions lastsave notmodified filetype"
    assert list(fields) == expected.split()


def test_a_forgotten_document_has_no_past() -> None:
    ada = session()
    room = given(ada)
    room.forgotten = True
    fields = callbacks.final(room, Final(2, ada.author, "d"), {"url": "u"}, NOW + 0.25)
    assert (fields["history"], fields["notmodified"], fields["users"]) == ({}, None, ["ada"])
    assert fields["lastsave"] == "2027-01-15T08:00:00.250Z"


def test_a_repeated_forcesave_was_asked_for_by_a_command() -> None:
    ada = session()
    room = given(ada)
    room.edit(ada, "one", None, NOW)
    forcesave = room.start_forcesave(Trigger.BUTTON, presser=ada)
    first = callbacks.forcesaved(room, forcesave, LINKS, repeated=False)
    again = callbacks.forcesaved(room, forcesave, LINKS, repeated=True)
    assert (first["forcesavetype"], first["actions"]) == (1, [{"type": 2, "userid": "ada"}])
    assert (again["forcesavetype"], again["encrypted"], "actions" in again) == (0, False, False)


def test_the_token_is_in_the_body_and_in_the_header() -> None:
    fields = callbacks.editing(given(session()))
    body, headers = callbacks.signed(fields, SECRET, NOW)
    assert claims_of(body["token"]) == {**fields, "iat": NOW, "exp": NOW + 300}
    assert claims_of(headers["Authorization"].removeprefix("Bearer "))["payload"] == fields
    assert callbacks.signed(fields, None, NOW) == (fields, {})


def test_a_long_history_is_cut_everywhere_but_in_the_body_token() -> None:
    ada = session()
    room = given(ada)
    room.edit(ada, "one", None, NOW)
    room.history = [Run(f"user-{number}", "name", NOW) for number in range(60)]
    body, headers = callbacks.signed(
        callbacks.final(room, Final(2, ada.author, "d"), LINKS, NOW), SECRET, NOW
    )
    payload = claims_of(headers["Authorization"].removeprefix("Bearer "))["payload"]
    assert payload["history"] == body["history"] == {}
    assert "changesurl" not in body
    assert len(claims_of(body["token"])["history"]["changes"]) == 60


@pytest.mark.parametrize(
    "body", [b'{"error":0}', b'{"error":"0"}', b'{"error": 0.0, "more": 1}', b'{"error":false}']
)
def test_these_replies_are_success(body: bytes) -> None:
    assert judge(200, body) == Reply(accepted=True)


@pytest.mark.parametrize(
    ("status", "body", "retryable"),
    [
        (200, b'{"error":1}', False),
        (200, b'{"error":null}', False),
        (200, b'{"error":"no"}', False),
        (200, b"{}", False),
        (200, b"[]", False),
        (200, b"", False),
        (200, b"<html>", False),
        (204, b"", False),
        (201, b'{"error":0}', False),
        (404, b"", False),
        (429, b"", True),
        (500, b'{"error":0}', True),
        (503, b"", True),
    ],
)
def test_these_are_not(status: int, body: bytes, retryable: bool) -> None:
    assert judge(status, body) == Reply(accepted=False, retryable=retryable)


def offered(results: Results, directory: str, at: float, content: bytes = b"bytes") -> tuple[str, str, str]:
    """Path, md5 and expiry of the url of a result kept now."""
    results.keep(directory, "output.txt", content, at)
    url = results.link("http://s", directory, "output.txt", at) or ""
    path, query = url.removeprefix("http://s").split("?")
    values = dict(pair.split("=") for pair in query.split("&"))
    assert values["shardkey"] == "k"
    return path, values["md5"], values["expires"]


def test_a_result_lives_as_long_as_its_youngest_url() -> None:
    with Store() as store:
        results = Results(900, 60, store, NOW)
        path, md5, expires = offered(results, "data/k_1", NOW)
        assert path == "/cache/files/data/k_1/output.txt/output.txt"
        assert results.find(path, md5, expires, NOW + 900).content == b"bytes"
        with pytest.raises(Expired):
            results.find(path, md5, expires, NOW + 901)
        for wrong in [("x", expires), (md5, "1"), (md5, "²"), ("", "")]:
            with pytest.raises(Forbidden):
                results.find(path, *wrong, NOW)
        results.link("http://s", "data/k_1", "output.txt", NOW + 900)
        offered(results, "data/k_2", NOW + 1000)
        assert results.find(path, results.md5(path, int(NOW) + 1800), str(int(NOW) + 1800), NOW + 1000)
        offered(results, "data/k_3", NOW + 9000)
        with pytest.raises(Missing):
            results.find(path, results.md5(path, int(NOW) + 9999), str(int(NOW) + 9999), NOW + 9000)
        assert results.link("http://s", "data/k_1", "output.txt", NOW + 9000) is None


def test_a_url_from_before_a_crash_is_good_after_it() -> None:
    with Store() as store:
        path, md5, expires = offered(Results(900, 60, store, NOW), "data/k_1", NOW)
        after = Results(900, 60, store, NOW + 800)
        assert after.find(path, md5, expires, NOW + 900).content == b"bytes"
        offered(after, "data/k_2", NOW + 2000)
        with pytest.raises(Missing):
            after.read(path)


def test_a_file_forgotten_again_is_the_newer_one() -> None:
    with Store() as store:
        results = Results(900, 60, store, NOW)
        offered(results, "forgotten/k", NOW, b"older")
        path, md5, expires = offered(results, "forgotten/k", NOW, b"newer")
        assert results.find(path, md5, expires, NOW).content == b"newer"


def test_two_assemblies_of_a_key_never_share_a_directory() -> None:
    with Store() as store:
        results = Results(900, 60, store, NOW)
        directories = [results.directory("k", "output.txt") for _ in range(2)]
        for number in range(10_000):
            results.keep(f"data/k_{number}", "output.txt", b"", NOW)
        assert not results.holds(results.directory("k", "output.txt"), "output.txt"), directories
