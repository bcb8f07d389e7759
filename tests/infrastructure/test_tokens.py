"""Tokens: what we sign can be read back, and nothing else is believed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.tokens import LONGEST_CALLBACK, BadToken, NoSecret
from infrastructure.tokens import JwtTokens

OWN, SERVER, USERS = "own-" * 10, "server-" * 6, "users-" * 7
NOW = 1_800_000_000
CALLBACK: dict[str, Any] = {"key": "u1-f1-17", "status": 2, "url": "http://ds/cache/x?md5=a", "users": ["u1"]}
FILE_URL = "http://docledger.example/api/onlyoffice/file/f1?token=abc"


@dataclass
class Clock:
    now: float = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(clock: Clock) -> JwtTokens:
    return JwtTokens(OWN, SERVER, USERS, clock=clock)


def signed(claims: dict[str, Any], secret: str = SERVER, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, secret.ljust(64, "\0"), algorithm)


def stamped(claims: dict[str, Any]) -> dict[str, Any]:
    return {**claims, "iat": NOW, "exp": NOW + 300}


def body(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def reason(tokens: JwtTokens, content: bytes, authorization: str | None = None) -> str:
    with pytest.raises(BadToken) as refused:
        tokens.read_callback(content, authorization)
    return str(refused.value)


# What we sign


def test_a_config_token_holds_the_config_and_ends(tokens: JwtTokens) -> None:
    config = {"document": {"key": "k"}, "editorConfig": {"lang": "de"}}
    claims = jwt.decode(
        tokens.sign_config(config), SERVER, algorithms=["HS256"], options={"verify_iat": False}
    )
    assert claims == {**config, "iat": NOW, "exp": NOW + 3600}


def test_a_command_token_holds_exactly_the_parameters(tokens: JwtTokens) -> None:
    token = tokens.sign_command({"c": "info", "key": "k"})
    claims = jwt.decode(token, SERVER, algorithms=["HS256"], options={"verify_iat": False})
    assert claims == {"c": "info", "key": "k", "iat": NOW, "exp": NOW + 300}


def test_without_the_servers_secret_nothing_is_signed_for_it() -> None:
    with pytest.raises(NoSecret):
        JwtTokens(OWN, None, None).sign_config({})
    assert JwtTokens(OWN, None, None, signed=False).sign_config({}) == ""


def test_a_short_secret_signs_as_every_other_implementation_does() -> None:
    head, _, signature = JwtTokens(OWN, "secret", None).sign_command({}).rpartition(".")
    digest = hmac.digest(b"secret", head.encode(), hashlib.sha256)
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == signature


def test_file_links_need_a_secret() -> None:
    with pytest.raises(ValueError, match="secret"):
        JwtTokens("", SERVER, USERS)


def test_no_repr_or_refusal_shows_a_secret(tokens: JwtTokens) -> None:
    refusal = reason(tokens, body(token=signed(stamped(CALLBACK), "wrong" * 8)))
    assert not {OWN, SERVER, USERS} & {repr(tokens), str(tokens), refusal}
    assert OWN not in repr(tokens) + refusal


# File links


def test_a_file_token_comes_back_as_it_went(tokens: JwtTokens) -> None:
    first, second = (tokens.read_file_token(tokens.file_token("f1", 7)) for _ in range(2))
    assert (first.file, first.version) == ("f1", 7)
    assert first.jti != second.jti, "each link is counted by itself"


def test_a_file_token_ends_a_minute_late_at_most(tokens: JwtTokens, clock: Clock) -> None:
    token = tokens.file_token("f1", 7)
    clock.now = NOW + 86400 + 60
    tokens.read_file_token(token)
    clock.now += 1
    with pytest.raises(BadToken, match="expired"):
        tokens.read_file_token(token)


@pytest.mark.parametrize(
    "claims",
    [
        {"file": "f1", "version": 7, "jti": "x", "exp": NOW + 60},
        {"file": "f1", "version": 7, "jti": "x", "exp": NOW + 60, "aud": "other"},
        {"file": "f1", "version": 7, "jti": "x", "aud": "docledger:file"},
        {"file": "f1", "version": 7, "jti": "x", "aud": "docledger:file", "exp": "never"},
        {"file": "f1", "version": 7, "jti": "x", "aud": "docledger:file", "exp": math.nan},
        {"file": "f1", "version": "7", "jti": "x", "aud": "docledger:file", "exp": NOW + 60},
    ],
)
def test_other_tokens_with_our_signature_open_no_file(tokens: JwtTokens, claims: dict[str, Any]) -> None:
    with pytest.raises(BadToken):
        tokens.read_file_token(signed(claims, OWN))


# Callbacks


def test_the_body_token_is_believed_and_the_rest_is_not(tokens: JwtTokens) -> None:
    lies = {"key": "other", "status": 4, "url": "http://evil/"}
    letter = tokens.read_callback(
        body(**lies, token=signed(stamped(CALLBACK))), f"Bearer {signed(stamped({'payload': lies}))}"
    )
    assert letter.claims == CALLBACK
    assert not letter.expired


@pytest.mark.parametrize("wrap", [lambda claims: {"payload": claims}, lambda claims: claims])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_the_header_token_counts_when_there_is_none_in_the_body(
    tokens: JwtTokens, wrap: Any, scheme: str
) -> None:
    letter = tokens.read_callback(body(key="other", status=4), f"{scheme} {signed(stamped(wrap(CALLBACK)))}")
    assert letter.claims == CALLBACK


@pytest.mark.parametrize("token", [None, "", 5, "x", "a.b.c", "é.é.é", "\ud800"])
def test_a_bad_body_token_is_not_healed_by_a_good_header(tokens: JwtTokens, token: Any) -> None:
    assert reason(tokens, body(**CALLBACK, token=token), f"Bearer {signed(stamped(CALLBACK))}")


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Basic dTpw"])
def test_an_unsigned_callback_is_refused(tokens: JwtTokens, authorization: str | None) -> None:
    assert reason(tokens, body(**CALLBACK), authorization) in {
        "the callback is not signed",
        "the token is malformed",
    }


def test_a_wrong_secret_is_named(tokens: JwtTokens) -> None:
    assert reason(tokens, body(token=signed(stamped(CALLBACK), USERS))) == "the signature is wrong"


@pytest.mark.parametrize("algorithm", ["none", "HS512", "hs256"])
def test_other_algorithms_are_refused(tokens: JwtTokens, algorithm: str) -> None:
    parts = [json.dumps(part).encode() for part in ({"alg": algorithm, "typ": "JWT"}, stamped(CALLBACK))]
    head = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = base64.urlsafe_b64encode(hmac.digest(SERVER.encode(), head, "sha256")).rstrip(b"=")
    for end in (b"", signature):
        assert (
            reason(tokens, body(token=(head + b"." + end).decode())) == "the token is not signed with HS256"
        )


def test_an_expired_callback_is_genuine_and_says_so(tokens: JwtTokens, clock: Clock) -> None:
    content = body(token=signed(stamped(CALLBACK)))
    clock.now = NOW + 300 + 60
    assert not tokens.read_callback(content, None).expired
    clock.now += 1
    letter = tokens.read_callback(content, None)
    assert letter.expired
    assert letter.claims == CALLBACK


def test_a_server_whose_clock_is_ahead_is_believed(tokens: JwtTokens, clock: Clock) -> None:
    clock.now = NOW - 86400
    assert tokens.read_callback(body(token=signed(stamped(CALLBACK))), None).claims == CALLBACK


def test_a_long_history_fits(tokens: JwtTokens) -> None:
    long = {**CALLBACK, "history": {"changes": ["x" * 100] * 1000}}
    assert tokens.read_callback(body(token=signed(stamped(long))), None).claims == long
    assert reason(tokens, body(token=signed(stamped(long), USERS))) == "the signature is wrong"


@pytest.mark.parametrize("named", ["document", "editorConfig", "c"])
@pytest.mark.parametrize("wrapped", [True, False])
def test_tokens_signed_for_other_purposes_are_no_callbacks(
    tokens: JwtTokens, named: str, wrapped: bool
) -> None:
    claims = {**CALLBACK, named: "x"}
    token = signed(stamped({"payload": claims} if wrapped else claims))
    assert "something else" in reason(tokens, body(token=token))
    assert "something else" in reason(tokens, body(token=signed({"payload": CALLBACK, named: "x"})))


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"key": "k"},
        {"status": 2},
        {"key": 5, "status": 2},
        {"key": "k", "status": "2"},
        {"key": "k", "status": True},
        {"payload": {"url": FILE_URL}},
        {"payload": "x"},
    ],
)
def test_a_callback_is_known_by_its_shape(tokens: JwtTokens, claims: dict[str, Any]) -> None:
    assert "lacks" in reason(tokens, body(token=signed(stamped(claims))))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_refused(tokens: JwtTokens, content: bytes) -> None:
    assert "JSON" in reason(tokens, content)


def test_a_flood_is_not_read(tokens: JwtTokens) -> None:
    assert reason(tokens, b" " * (LONGEST_CALLBACK + 1)) == "the body is too long"


def test_without_a_secret_no_callback_is_believed() -> None:
    assert "no secret" in reason(JwtTokens(OWN, None, None), body(token=signed(stamped(CALLBACK))))


def test_with_jwt_off_the_plain_body_is_taken_by_the_same_shape() -> None:
    tokens = JwtTokens(OWN, None, None, signed=False)
    assert tokens.read_callback(body(**CALLBACK), None).claims == CALLBACK
    assert "something else" in reason(tokens, body(**CALLBACK, c="x"))
    assert "lacks" in reason(tokens, body(key="k"))


@given(
    content=st.binary() | st.text().map(lambda text: json.dumps({"token": text}).encode()), header=st.text()
)
def test_nothing_unsigned_gets_in_whatever_it_looks_like(content: bytes, header: str) -> None:
    assert reason(JwtTokens(OWN, SERVER, USERS), content, f"Bearer {header}")


# The Document Server's own bearer


@pytest.mark.parametrize(
    ("claims", "verdict"),
    [
        (stamped({"payload": {"url": FILE_URL}}), True),
        (stamped({"payload": {"url": FILE_URL.replace("docledger.example", "10.0.0.2")}}), True),
        (stamped({"payload": {"url": FILE_URL.replace("f1", "%66%31")}}), True),
        (stamped({"payload": {"url": FILE_URL.replace("f1", "f2")}}), False),
        (stamped({"payload": {"url": "http://[x"}}), False),
        (stamped({"payload": {}}), False),
        ({"payload": {"url": FILE_URL}, "exp": NOW - 3600}, True),
    ],
)
def test_the_servers_bearer_must_be_for_this_url(
    tokens: JwtTokens, claims: dict[str, Any], verdict: bool
) -> None:
    assert tokens.check_server_bearer(f"Bearer {signed(claims)}", FILE_URL) is verdict


def test_a_forged_bearer_is_worse_than_none(tokens: JwtTokens) -> None:
    assert (
        tokens.check_server_bearer(f"Bearer {signed({'payload': {'url': FILE_URL}}, OWN)}", FILE_URL) is False
    )
    assert tokens.check_server_bearer(None, FILE_URL) is None
    assert tokens.check_server_bearer("Basic dTpw", FILE_URL) is None
    assert JwtTokens(OWN, SERVER, None, signed=False).check_server_bearer("Bearer x", FILE_URL) is None


# Users


@pytest.mark.parametrize(
    ("claims", "user"),
    [
        ({"sub": "ada", "name": "Ada", "role": "admin"}, ("ada", "Ada", "admin")),
        ({"id": 17, "name": "Bob"}, ("17", "Bob", "")),
        ({"id": 2**127 - 1, "name": "Bob"}, (str(2**127 - 1), "Bob", "")),
        (
            {"sub": "eve", "id": 4, "name": None, "role": ["x"], "exp": NOW - 60, "nbf": NOW + 60},
            ("eve", "eve", ""),
        ),
        ({"sub": "ada", "iat": NOW + 9999, "aud": "whatever", "jti": 5}, ("ada", "ada", "")),
        ({"sub": "ada", "name": "Ada \ud83d", "role": "\ud83d"}, ("ada", "Ada \ufffd", "\ufffd")),
    ],
)
def test_a_user_is_who_the_sign_in_says(
    tokens: JwtTokens, claims: dict[str, Any], user: tuple[str, str, str]
) -> None:
    read = tokens.read_user(signed(claims, USERS))
    assert (read.sub, read.name, read.role) == user


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"sub": ""},
        {"id": True},
        {"sub": 1.5},
        {"sub": "half a surrogate pair: \ud83d"},
        {"sub": "a", "exp": NOW - 61},
        {"sub": "a", "nbf": NOW + 61},
    ],
)
def test_nobody_in_particular_and_the_late_are_refused(tokens: JwtTokens, claims: dict[str, Any]) -> None:
    with pytest.raises(BadToken):
        tokens.read_user(signed(claims, USERS))


def test_a_sign_in_by_another_key_is_refused(tokens: JwtTokens) -> None:
    with pytest.raises(BadToken):
        tokens.read_user(signed({"sub": "ada"}))
    with pytest.raises(BadToken, match="no secret"):
        JwtTokens(OWN, SERVER, None).read_user(signed({"sub": "ada"}, USERS))
