"""Deliveries over real connections, to receivers that verify, refuse, hang, redirect and babble."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from application.announcing import Message
from application.journal import JournalFailed
from application.webhooks import SORRY, Place, Undelivered
from infrastructure.journal import LedgerJournal
from infrastructure.journal.places import LedgerPlaces, known
from infrastructure.webhooks import WebhookPost, key_of, signature
from tests.infrastructure.raw_server import Reply, running, says, stalls
from tests.infrastructure.test_journal import change
from tests.story import NOON, joined
from tests.trouble import locked

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
MESSAGE = Message(
    "evt_7_0123456789ab", '{"type":"document.saved","data":{"file_name":"Päron.docx"}}'.encode()
)


def post(secret: str = SECRET, seconds: float = 5.0) -> WebhookPost:
    return WebhookPost(secret, None, lambda: datetime.now(UTC), seconds)


async def refusal(*replies: Reply) -> Undelivered:
    async with running(*replies) as server, post(seconds=1) as client:
        with pytest.raises(Undelivered) as refused:
            await client(server.url, MESSAGE)
        assert len(server.requests) == 1
    return refused.value


def test_it_signs_as_the_specification_does() -> None:
    """The example that the specification's libraries are tested with."""
    body = b'{"test": 2432232314}'
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", [SECRET, "0123456789abcdef-0123456789abcdef"])
async def test_a_receiver_verifies_it_with_the_library_of_the_specification(secret: str) -> None:
    async with running(says("204 No Content")) as server, post(secret) as client:
        await client(f"{server.url}/hook", MESSAGE)
    (request,) = server.requests
    assert request.line == "POST /hook HTTP/1.1"
    assert request.headers["content-type"] == "application/json"
    assert request.body == MESSAGE.body
    receiver = Webhook(secret if secret.startswith("whsec_") else secret.encode())
    assert receiver.verify(request.body, request.headers)["data"] == {"file_name": "Päron.docx"}
    with pytest.raises(WebhookVerificationError):
        receiver.verify(request.body + b" ", request.headers)
    with pytest.raises(WebhookVerificationError):
        receiver.verify(request.body, {**request.headers, "webhook-id": "evt_8_0123456789ab"})


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (says("500 Internal Server Error"), "HTTP 500"),
        (says("404 Not Found"), "HTTP 404"),
        (says("302 Found", b"", "Location: http://127.0.0.1:1/"), "HTTP 302"),
        (says("307 Temporary Redirect", b"", "Location: /elsewhere"), "HTTP 307"),
        (stalls(), "no answer within 1 s"),
        (stalls(b"HTTP/1.1 2"), "no answer within 1 s"),
        (says("", b"no http"), "RemoteProtocolError"),
    ],
)
async def test_whatever_is_no_success_is_a_refusal(reply: Reply, why: str) -> None:
    assert why in str(await refusal(reply))


@pytest.mark.parametrize(
    ("answer", "header", "wait"),
    [
        ("429 Too Many Requests", "Retry-After: 120", 120),
        ("503 Service Unavailable", "Retry-After: soon", 0),
        ("410 Gone", "X: y", SORRY),
    ],
)
async def test_a_receiver_that_asks_for_time_is_heard(answer: str, header: str, wait: float) -> None:
    assert (await refusal(says(answer, b"", header))).wait == wait


async def test_a_receiver_that_is_not_there_is_a_refusal() -> None:
    async with running(says("200 OK")) as server:
        pass
    async with post() as client:
        with pytest.raises(Undelivered, match="ConnectError"):
            await client(server.url, MESSAGE)


async def test_what_follows_a_success_is_not_read(autojump_clock: trio.testing.MockClock) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"
    async with running(stalls(head)) as server, post() as client:
        await client(server.url, MESSAGE)


async def test_places_are_kept_and_a_new_one_is_the_logs_end(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    failing = Place(1, NOON, 3, "HTTP 500")
    async with LedgerJournal.open(path) as journal:
        places = LedgerPlaces(journal)
        assert await places.begin(["a"]) == {"a": Place(0)}
        await journal.append(change("k", joined()))
        await places.put("a", failing)
        assert known(path) == ({"a": failing}, 2)
    async with LedgerJournal.open(path) as journal:
        places = LedgerPlaces(journal)
        assert await places.begin(["b", "a"]) == {"b": Place(2), "a": failing}
        await places.welcome(["c", "a"])
        assert known(path) == ({"a": failing, "b": Place(2), "c": Place(2)}, 2)
        assert await places.begin(["b"]) == {"b": Place(2)}
        assert await places.begin([]) == {}
    assert known(path) == ({}, 2)


async def test_a_place_that_cannot_be_kept_is_a_failure_of_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with LedgerJournal.open(path) as journal:
        with locked(path), pytest.raises(JournalFailed):
            await LedgerPlaces(journal).put("a", Place(1))
        await LedgerPlaces(journal).put("a", Place(1))
