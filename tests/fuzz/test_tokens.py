"""Whatever is handed to us as a token is read or refused; none passes for what it was not signed for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jwt
from hypothesis import given
from hypothesis import strategies as st

from application.tokens import BadToken
from infrastructure.tokens import JwtTokens
from tests.fuzz.amount import anything, odd_text, thorough

OWN, SERVER, USERS, STRANGER = "own-" * 10, "server-" * 6, "users-" * 7, "stranger-" * 5
NOW = 1_800_000_000.0
URL = "http://docledger.example/api/onlyoffice/file/f?token=x"
CALLBACK: dict[str, Any] = {"key": "k", "status": 2, "url": "http://ds/x", "users": ["u"]}
CONFIG = {"document": {"key": "k", "url": URL}, "editorConfig": {"user": {"id": "u"}}}

tokens = JwtTokens(OWN, SERVER, USERS, clock=lambda: NOW)
ONE = "one secret for everything, which an operator may have chosen"
careless = JwtTokens(ONE, ONE, ONE, clock=lambda: NOW)

claims = st.dictionaries(
    st.sampled_from(
        [
            *("aud", "exp", "iat", "nbf", "sub", "id", "name", "role", "key", "status", "payload", "file"),
            *("version", "jti", "document", "editorConfig", "c", "url", "users"),
        ]
    )
    | odd_text,
    anything | st.sampled_from(["docledger:file", "docledger:operator", "k", 2, NOW + 60, CALLBACK]),
    max_size=8,
)
algorithms = st.sampled_from(["HS256", "HS384", "HS512", "none"])


def signed(said: Any, secret: str, algorithm: str = "HS256") -> str:
    return jwt.encode(said, None if algorithm == "none" else secret.ljust(64, "\0"), algorithm)


def callback(token: str, reader: JwtTokens = tokens) -> Any:
    return reader.read_callback(json.dumps({"token": token}).encode(), None)


READERS: list[Callable[[str], Any]] = [
    tokens.read_file_token,
    tokens.read_operator_token,
    tokens.read_user,
    callback,
    lambda token: tokens.check_server_bearer(f"Bearer {token}", URL),
    lambda token: tokens.read_callback(b"{}", f"Bearer {token}"),
]


def believed(reader: Callable[[str], Any], token: str) -> bool:
    try:
        return reader(token) is not False
    except BadToken:
        return False


@thorough(300)
@given(claims, st.sampled_from([OWN, SERVER, USERS]), st.sampled_from(READERS))
def test_whatever_is_signed_is_read_or_refused(
    said: dict[str, Any], secret: str, reader: Callable[[str], Any]
) -> None:
    believed(reader, signed(said, secret))


@thorough(300)
@given(claims, st.sampled_from([OWN, SERVER, USERS, STRANGER]), algorithms, st.sampled_from(READERS))
def test_only_its_own_secret_and_algorithm_count(
    said: dict[str, Any], secret: str, algorithm: str, reader: Callable[[str], Any]
) -> None:
    theirs = {OWN: READERS[:2], USERS: READERS[2:3], SERVER: READERS[3:]}.get(secret, [])
    if algorithm != "HS256" or reader not in theirs:
        assert not believed(reader, signed(said, secret, algorithm))


@thorough(300)
@given(
    st.sampled_from(
        [
            (tokens.read_file_token, tokens.file_token("f", 1)),
            (tokens.read_operator_token, tokens.operator_token()),
            (tokens.read_user, signed({"sub": "ada"}, USERS)),
            (callback, signed(CALLBACK, SERVER)),
        ]
    ),
    st.lists(st.tuples(st.integers(0, 400), st.sampled_from("ABCabc012-_.= \0é")), min_size=1, max_size=4),
)
def test_no_letter_of_a_token_can_be_changed(
    genuine: tuple[Callable[[str], Any], str], changes: list[tuple[int, str]]
) -> None:
    reader, token = genuine
    assert believed(reader, token)
    letters = list(token)
    for at, letter in changes:
        letters[at % len(letters)] = letter
    forged = "".join(letters)
    if _meaning(forged) != _meaning(token):
        assert not believed(reader, forged)


def _meaning(token: str) -> Any:
    """Base64 has spare bits in its last letter, so that two spellings may be one token."""
    try:
        decoded = jwt.api_jws.PyJWS()._load(token)
    except jwt.InvalidTokenError:
        return None
    return decoded[1], decoded[3]


PURPOSES: dict[str, tuple[Callable[[str], Any], str]] = {
    "file": (careless.read_file_token, careless.file_token("f", 1, key="k")),
    "operator": (careless.read_operator_token, careless.operator_token()),
    "user": (careless.read_user, signed({"sub": "ada", "name": "Ada", "exp": NOW + 60}, ONE)),
    "callback": (lambda token: callback(token, careless), signed({"payload": CALLBACK}, ONE)),
    "plain callback": (lambda token: callback(token, careless), signed(CALLBACK, ONE)),
    "config": (lambda token: callback(token, careless), careless.sign_config(CONFIG)),
    "command": (
        lambda token: callback(token, careless),
        careless.sign_command({"c": "info", "key": "k", "status": 2}),
    ),
}


def test_one_secret_for_everything_still_opens_one_door_each() -> None:
    for purpose, (_, token) in PURPOSES.items():
        opened = {name for name, (reader, _) in PURPOSES.items() if believed(reader, token)}
        callbacks = {"callback", "plain callback", "config", "command"}  # one reader
        assert opened == {
            "file": {"file"},
            "operator": {"operator"},
            "user": {"user"},
            "callback": callbacks,
            "plain callback": callbacks,
        }.get(purpose, set())
