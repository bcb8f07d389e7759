"""The conversion API: what it makes of a file it fetches, and which number says what went wrong."""

from __future__ import annotations

import time
from typing import Any
from xml.etree import ElementTree

import httpx
import jwt
import pytest

from tests.contract.integrator import Integrator
from tests.contract.servers import DocumentServer
from tests.contract.word import words

DEADLINE = 60.0


def asked(server: DocumentServer, ours: Integrator, key: str, /, **changes: Any) -> dict[str, Any]:
    """The answer about our letter, which is to become plain text."""
    usual = {
        "async": False,
        "filetype": "docx",
        "key": key,
        "outputtype": "txt",
        "title": "letter.docx",
        "url": f"{ours.url}/files/letter.docx?key={key}",
    }
    return server.send({"token": server.token({**usual, **changes})}, path="/converter")


def result(answer: dict[str, Any]) -> bytes:
    return httpx.get(answer["fileUrl"], trust_env=False).raise_for_status().content


def test_a_waiting_request_is_answered_with_the_result(
    document_server: DocumentServer, ours: Integrator, key: str
) -> None:
    answer = asked(document_server, ours, key)
    assert (answer["endConvert"], answer["percent"], answer["fileType"]) == (True, 100, "txt")
    assert "Dear reader," in result(answer).decode("utf-8-sig")


def test_the_document_is_fetched_with_a_signed_url(
    document_server: DocumentServer, ours: Integrator, key: str
) -> None:
    asked(document_server, ours, key)
    (fetch,) = ours.fetches
    token = fetch["Authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, ours.secret, algorithms=["HS256"])
    assert claims["payload"] == {"url": f"{ours.url}/files/letter.docx?key={key}"}


def test_another_question_for_the_same_key_tells_how_far_it_is(
    document_server: DocumentServer, ours: Integrator, key: str
) -> None:
    answer = asked(document_server, ours, key, **{"async": True})
    assert answer == {"endConvert": False, "percent": 0}
    end = time.monotonic() + DEADLINE
    while not answer["endConvert"] and time.monotonic() < end:
        answer = asked(document_server, ours, key, **{"async": True})
    assert "good night." in result(answer).decode("utf-8-sig")
    assert len(ours.fetches) == 1


def test_a_docx_of_a_docx_says_the_same(document_server: DocumentServer, ours: Integrator, key: str) -> None:
    answer = asked(document_server, ours, key, outputtype="docx")
    assert words(result(answer)).startswith("Dear reader,\ngood night.")


def test_the_old_address_speaks_xml_unless_json_is_asked_for(
    document_server: DocumentServer, ours: Integrator, key: str
) -> None:
    url, claims = f"{document_server.url}/ConvertService.ashx", {"key": key, "outputtype": "nonsense"}
    body = {"token": document_server.token(claims)}
    plain = httpx.post(url, json=body, trust_env=False)
    assert ElementTree.fromstring(plain.content).findtext("Error") == "-7"
    asked_for = httpx.post(url, json=body, headers={"Accept": "application/json"}, trust_env=False)
    assert asked_for.json() == {"error": -7}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"url": "missing"}, -4),
        ({"outputtype": "nonsense"}, -7),
        ({"key": "no/key"}, -7),
        ({"filetype": "../x"}, -7),
        ({"filetype": "xls", "outputtype": "xlsx"}, -3),  # it is a letter
    ],
)
def test_what_cannot_be_done_is_a_negative_number(
    document_server: DocumentServer, ours: Integrator, key: str, changes: dict[str, Any], error: int
) -> None:
    if "url" in changes:
        changes = {"url": f"{ours.url}/files/missing.docx"}
    assert asked(document_server, ours, key, **changes) == {"error": error}


def test_without_a_good_token_nothing_is_converted(
    document_server: DocumentServer, ours: Integrator, key: str
) -> None:
    claims = {"key": key, "filetype": "docx", "outputtype": "txt", "url": f"{ours.url}/files/letter.docx"}
    forged = document_server.token(claims, "quite-another-secret-and-just-as-long")
    late = document_server.token({**claims, "exp": int(time.time()) - 3600})
    for body in (claims, {"token": forged}, {"token": late}):
        assert document_server.send(body, path="/converter") == {"error": -8}
    assert ours.fetches == []
